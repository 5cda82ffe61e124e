"""Write the golden files anew, see the package's docstring."""

import json

from hypothesis import find, settings

from tests.runtime.api.golden.files import CODECS, MESSAGES, SCHEMAS, kept, schemas
from tests.support.messages import messages


def main() -> None:
    known = kept(MESSAGES) if MESSAGES.exists() else {}
    examples = {
        tag: known.get(tag) or codec.encode(find(messages(cls), lambda _: True, settings=settings(database=None)))
        for codec in CODECS
        for tag, cls in codec.classes.items()
    }
    MESSAGES.write_text(json.dumps(examples, indent=2) + "\n")
    SCHEMAS.write_text(json.dumps(schemas(), indent=2) + "\n")


if __name__ == "__main__":
    main()
