"""What people say about a task: kept with it, and of no meaning to its steps. Pure."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, assert_never

import attrs

from runtime.engine.events import AddComment, DeleteComment, EditComment
from runtime.engine.records import CommentAdded, CommentDeleted, CommentEdited
from runtime.engine.task import Comment
from runtime.errors import Conflict, NotFound, Refused

if TYPE_CHECKING:
    from runtime.engine.turn import Turn

MOST_COMMENTS: Final = 1000
"""How many comments a task may have."""


def comment(turn: "Turn", event: AddComment | EditComment | DeleteComment) -> Refused | None:
    """Add, rewrite or delete a comment, or say why not."""
    known = turn.notes.comments
    match event:
        case AddComment(at=at, comment_id=comment_id, username=username, content=content):
            if len(known) >= MOST_COMMENTS:
                return Conflict(f"task {turn.header.task_id} has {MOST_COMMENTS:,} comments, and takes no more")
            turn.record(CommentAdded(at=at, comment_id=comment_id, username=username, content=content))
        case _ if event.comment_id not in known:
            return NotFound("comment", event.comment_id)
        case EditComment(at=at, comment_id=comment_id, content=content):
            turn.record(CommentEdited(at=at, comment_id=comment_id, content=content))
        case DeleteComment(at=at, comment_id=comment_id):
            turn.record(CommentDeleted(at=at, comment_id=comment_id))
        case _:
            assert_never(event)
    return None


def commented(
    comments: Mapping[str, Comment], record: CommentAdded | CommentEdited | CommentDeleted
) -> Mapping[str, Comment]:
    """Give the comments after a record, in the order in which they were made."""
    match record:
        case CommentAdded(at=at, comment_id=comment_id, username=username, content=content):
            made = Comment(id=comment_id, username=username, created=at, updated=at, content=content)
            return {**comments, comment_id: made}
        case CommentEdited(at=at, comment_id=comment_id, content=content):
            return {**comments, comment_id: attrs.evolve(comments[comment_id], updated=at, content=content)}
        case CommentDeleted():
            return {key: one for key, one in comments.items() if key != record.comment_id}
        case _:
            assert_never(record)
