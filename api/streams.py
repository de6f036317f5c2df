"""REST: starting a sync of any stream, such as returns. Orders and stock have views of their own."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from api.orders import WINDOW, WINDOW_PARAMETERS, WindowSyncSerializer
from api.syncs import COMMON, RESPONSES, SyncView
from integrations.sync.streams import STREAMS
from integrations.window_input import read_window


class StreamSyncView(SyncView):
    """Sync a stream by its name. One that has a window takes its parameters; without them, it goes on where the last
    sync ended. Parameters may stand in a JSON body instead."""

    def asked_for(self, values: Mapping[str, Any]) -> dict[str, Any]:
        if not self.parameters:
            return {}
        return {"window": read_window(**{name: values.get(name) for name in self.parameters})}

    @extend_schema(
        operation_id="stream_sync",
        parameters=[OpenApiParameter("stream", str, "path", enum=list(STREAMS)), *COMMON, *WINDOW],
        request=WindowSyncSerializer,
        responses=RESPONSES,
    )
    def post(self, request: Request, stream: str = "") -> Response:
        if stream not in STREAMS:
            raise NotFound(f"There is no stream {stream[:64]!r}; known are: {', '.join(STREAMS)}.")
        self.kind = stream
        self.parameters = WINDOW_PARAMETERS if STREAMS[stream].has_window else ()
        return super().post(request)
