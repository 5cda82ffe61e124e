"""Sprig's functions on paths. The paths of files are those of Unix, so that both families are the same."""

from typing import Final

from runtime.values.gotemplate.functions import STRING, Table

_TABLE: Final = Table()
FUNCTIONS: Final = _TABLE.functions


@_TABLE.add("base", "osBase", params=(STRING,))
def _base(path: str) -> str:
    if not path:
        return "."
    bare = path.rstrip("/")
    return bare[bare.rfind("/") + 1 :] if bare else "/"


@_TABLE.add("clean", "osClean", params=(STRING,))
def _clean(path: str) -> str:
    rooted = path.startswith("/")
    out: list[str] = []
    for part in path.split("/"):
        if part in {"", "."}:
            continue
        if part != "..":
            out.append(part)
        elif out and out[-1] != "..":
            out.pop()
        elif not rooted:
            out.append(part)
    cleaned = "/".join(out)
    return f"/{cleaned}" if rooted else cleaned or "."


@_TABLE.add("dir", "osDir", params=(STRING,))
def _dir(path: str) -> str:
    return str(_clean(path[: path.rfind("/") + 1]))


@_TABLE.add("ext", "osExt", params=(STRING,))
def _ext(path: str) -> str:
    name = path[path.rfind("/") + 1 :]
    return name[name.rfind(".") :] if "." in name else ""


@_TABLE.add("isAbs", "osIsAbs", params=(STRING,))
def _is_abs(path: str) -> bool:
    return path.startswith("/")
