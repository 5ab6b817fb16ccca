"""Pin the requirements: one file for development and one for each service's image.

The files contain hashes and no addresses, so any mirror can serve them and none is named here.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
SERVICES = ("outage-notifier", "repair-intake", "billing-gateway")
LEFT_OUT = {
    "outage-notifier": (
        # firebase-admin's other products: messaging needs google-auth alone
        *(
            "google-cloud-firestore",
            "google-cloud-storage",
            "google-cloud-core",
            "google-api-core",
            "google-resumable-media",
        ),
        *("google-crc32c", "googleapis-common-protos", "grpcio", "grpcio-status", "proto-plus", "protobuf"),
        *("cachecontrol", "msgpack"),
        # twilio's asynchronous client, which we replace
        *("aiohttp", "aiohttp-retry", "aiohappyeyeballs", "aiosignal", "frozenlist", "multidict", "propcache", "yarl"),
    )
}
"""What libraries require and no process of the service ever imports: an image without it is a third smaller.
`make test-isolated` shows that nothing misses it."""

MEMBERS = ("gridcare", "gridcare-local", *SERVICES)


def compile_to(name: str, *sources: str, extra: list[str]) -> None:
    """Resolve `sources` for every platform into requirements/<name>.txt."""
    members = [word for member in MEMBERS for word in ("--no-emit-package", member)]
    subprocess.run(  # noqa: S603 - our own arguments
        [
            Path(sys.executable).parent / "uv",
            *("pip", "compile", "--quiet", "--universal", "--python-version", "3.11"),
            *("--generate-hashes", "--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links"),
            *members,
            *sources,
            *("-o", f"requirements/{name}.txt"),
            *extra,
        ],
        check=True,
        cwd=ROOT,
    )


def main() -> None:
    """Write every requirements file. Arguments are passed on to uv (`--upgrade`, `--upgrade-package NAME`)."""
    extra = sys.argv[1:]
    members = ["shared/pyproject.toml", *(f"services/{s}/pyproject.toml" for s in SERVICES)]
    compile_to("bootstrap", "requirements/bootstrap.in", extra=extra)
    compile_to("build", "requirements/build.in", extra=extra)
    compile_to("dev", *members, "local/pyproject.toml", "--group", "pyproject.toml:dev", extra=extra)
    pins = ["-c", "requirements/dev.txt"]  # an image runs what was tested
    compile_to("local-stack", *members, "local/pyproject.toml", *pins, extra=extra)
    for service in SERVICES:
        left_out = [word for name in LEFT_OUT.get(service, ()) for word in ("--no-emit-package", name)]
        sources = ("shared/pyproject.toml", f"services/{service}/pyproject.toml", *pins)
        compile_to(service, *sources, extra=[*left_out, *extra])


if __name__ == "__main__":
    main()
