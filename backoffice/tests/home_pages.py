"""For tests of the home page: what it says, read from its HTML; rows that it counts."""

import re
from html import unescape
from typing import Any

from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from integrations.models import SyncLog
from platforms.models import Platform, Source

TILE = re.compile(
    r'<a class="oms-tile[^"]*" href="([^"]+)">.*?</span>([^<]+)</span>\s*<strong[^>]*>([\d,.]+)</strong>',
    re.S,
)


def log_of(platform: Platform, status: str = SyncLog.Status.SUCCEEDED, **changes: Any) -> SyncLog:
    row: dict[str, Any] = {
        "kind": SyncLog.Kind.ORDERS,
        "trigger": SyncLog.Trigger.SCHEDULE,
        "source": Source.LIVE,
    }
    is_open = status in SyncLog.OPEN
    row |= {
        "finished_at": None if is_open else timezone.now(),
        "open_key": f"{platform.pk}:x" if is_open else None,
    }
    return SyncLog.objects.create(platform=platform, status=status, **row | changes)


def home(client: Client) -> str:
    response = client.get("/admin/")
    assert response.status_code == 200
    return unescape(re.sub(r"[ \n]+", " ", response.content.decode()))


def charts(client: Client) -> str:
    response = client.get("/admin/home-charts/")
    assert response.status_code == 200
    return unescape(re.sub(r"[ \n]+", " ", response.content.decode()))


def tiles(client: Client) -> dict[str, tuple[str, int]]:
    """Each tile by its label: where it leads, and its number."""
    found = TILE.findall(client.get("/admin/").content.decode())
    return {label.strip(): (unescape(href), int(re.sub(r"\D", "", count))) for href, label, count in found}


def table(html: str, chart: str) -> dict[str, list[str]]:
    """The chart's table, its cells by the first one."""
    piece = html.split(f'data-chart="{chart}"')[1].split("</figure>")[0]
    rows = re.findall(r'<th scope="row">(?:<a[^>]*>)?([^<]+).*?</th>(.*?)</tr>', piece, re.S)
    return {label: re.findall(r"<td>([^<]*)</td>", cells) for label, cells in rows}


def viewer(*codenames: str) -> Client:
    user = User.objects.create_user("viewer", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client = Client()
    client.force_login(user)
    return client


def states(html: str) -> dict[str, str]:
    piece = html.split('id="home-platforms"')[1].split("</section>")[0]
    rows = re.findall(
        r'<a class="oms-link"[^>]*>([^<]+)</a>.*?class="oms-row-state">.*?<span[^>]*>\s*([^<]+?)\s*<', piece
    )
    return dict(rows)
