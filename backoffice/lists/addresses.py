"""What the address of a list asks for, apart from the page that is shown."""

from collections.abc import Collection, Mapping
from urllib.parse import urlencode

from django.contrib.admin.views.main import ALL_VAR, ERROR_FLAG, ORDER_VAR, PAGE_VAR
from django.http import HttpRequest, QueryDict

OF_THE_PAGE = (PAGE_VAR, ALL_VAR, ERROR_FLAG)


def asked_for(request: HttpRequest) -> dict[str, str]:
    """Filters and search, without those that are left empty, and without the order."""
    return {name: value for name, value in given(request) if name not in (*OF_THE_PAGE, ORDER_VAR)}


def given(request: HttpRequest) -> list[tuple[str, str]]:
    """The parameters of the address that are not left empty; of one that stands there twice, the last."""
    return [(name, str(value)) for name, value in request.GET.items() if value]


def query_without(request: HttpRequest, names: Collection[str]) -> str:
    """The address of the first page of the list without these parameters."""
    query: QueryDict = request.GET.copy()
    for name in (*OF_THE_PAGE, *names):
        query.pop(name, None)
    return f"?{query.urlencode()}"


def query_of(parameters: Mapping[str, str]) -> str:
    return f"?{urlencode(parameters, safe=',')}"


def in_one_parameter(request: HttpRequest, names: Collection[str]) -> str:
    """The same list with the values of these parameters in one each, `status__in=a,b`, as links have them, where a form
    sent them one by one; "" where it did not."""
    query: QueryDict = request.GET.copy()
    several = [name for name in names if len(query.getlist(name)) > 1]
    for name in several:
        query[name] = ",".join(dict.fromkeys(filter(None, query.getlist(name))))
    return f"?{query.urlencode(safe=',')}" if several else ""
