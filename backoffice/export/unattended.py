"""Files without a browser: what the admin gives a user, written into a folder, or sent to him by e-mail."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.contrib import admin
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.core.mail import EmailMessage
from django.http import Http404, HttpRequest, QueryDict
from django.urls import resolve, reverse

from access.second_factor.sessions import CONFIRMED_AT

MOST_MAILED = 10 * 1024 * 1024  # bytes; many mail servers refuse more
REPORTS = ("sales", "sales-taxes")


class NoFile(Exception):
    """Why there is no file: a sentence."""


def file_names() -> list[str]:
    """What can be exported, without the kinds of files."""
    of_lists = (
        export.name for page in admin.site._registry.values() for export in getattr(page, "exports", ())
    )
    return sorted({*of_lists, *REPORTS})


def export_for(user: User, file: str, filters: str) -> tuple[str, "Pieces"]:
    """The name of the file and its pieces, as `user` would get it of a list or report with these filters (`?…` of its
    address), in the language and time zone that are active when they are asked for. Raises NoFile."""
    name, _point, extension = file.partition(".")
    if name not in file_names():
        raise NoFile(
            f"There is nothing to export that is called {name!r}. There are: {', '.join(file_names())}."
        )
    try:
        address = _address(name, extension)
        request = request_of(user, address, filters)
        match = request.resolver_match
        response: Any = match.func(request, *match.args, **match.kwargs)
    except PermissionDenied:
        raise NoFile(f"{user} may not see what {file} holds.") from None
    except Http404:
        raise NoFile(f"There is no {file}: the kinds are csv, machine.csv and xlsx.") from None
    if not response.streaming:
        reason = (
            response.content.decode() if response.status_code == 400 else f"Answer {response.status_code}."
        )
        raise NoFile(f"{file} was refused. {reason}")
    return response["Content-Disposition"].split('"')[1], Pieces(response)


class Pieces(Iterator[bytes]):
    """Of a file, made as they are asked for. To be closed, however far it got: others may export meanwhile, as many as
    the setting says."""

    def __init__(self, response: Any) -> None:
        self._response, self._pieces = response, iter(response.streaming_content)

    def __next__(self) -> bytes:
        piece: bytes = next(self._pieces)
        return piece

    def close(self) -> None:
        self._response.close()


def write_into(folder: Path, name: str, pieces: Iterator[bytes]) -> Path:
    """Write the file under its name once it is whole, readable to this user of the system alone."""
    part, whole = folder / f".{name}.part", folder / name
    try:
        with os.fdopen(os.open(part, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as file:
            file.writelines(pieces)
        part.replace(whole)
    finally:
        part.unlink(missing_ok=True)
    return whole


def send_to(user: User, name: str, pieces: Iterator[bytes]) -> None:
    """Raises NoFile where the user has no address, or the file is too large to be sent."""
    if not user.email:
        raise NoFile(f"{user} has no e-mail address.")
    content = b""
    for piece in pieces:
        content += piece
        if len(content) > MOST_MAILED:
            raise NoFile(f"{name} has more than {MOST_MAILED // 2**20} MiB, and was not sent. Take --folder.")
    mail = EmailMessage(f"OMS: {name}", "", to=[user.email], headers={"Auto-Submitted": "auto-generated"})
    mail.attach(name, content)
    mail.send()


def _address(name: str, extension: str) -> str:
    if name in REPORTS:
        return reverse("sales-file", args=[name, extension])
    for model, page in admin.site._registry.items():
        if name in (export.name for export in getattr(page, "exports", ())):
            of_list = f"admin:{model._meta.app_label}_{model._meta.model_name}_export"
            return reverse(of_list, args=[name, extension])
    raise NoFile(name)


def request_of(user: User, address: str, filters: str) -> Any:
    """As if `user` had opened the address with these filters. The admin's own views ask for the permissions of the user
    and keep to his platforms."""
    request: Any = HttpRequest()
    request.method, request.path, request.user = "GET", address, user
    request.GET = QueryDict(filters.removeprefix("?"))
    request.session = {CONFIRMED_AT: time.time()}  # who runs commands has the whole database
    request.resolver_match = resolve(address)
    return request
