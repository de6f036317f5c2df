"""Every address of the application."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.templatetags.static import static
from django.urls import URLPattern, include, path, re_path
from django.utils.functional import lazy
from django.views.generic import RedirectView
from drf_spectacular.renderers import (
    OpenApiJsonRenderer,
    OpenApiJsonRenderer2,
    OpenApiYamlRenderer,
    OpenApiYamlRenderer2,
)
from drf_spectacular.views import SpectacularAPIView

from api.backfills import BackfillViewSet
from api.catch_ups import CatchUpViewSet
from api.changes import ChangesView
from api.completeness import AuditViewSet, CompletenessViewSet
from api.errors import PAGES, unknown_route
from api.inventory import InventorySyncView, InventoryViewSet
from api.inventory_audits import InventoryAuditViewSet, InventoryCompletenessViewSet
from api.orders import OrderSyncView, OrderViewSet
from api.platforms import PlatformViewSet
from api.privacy import ErasureViewSet, LegalHoldViewSet
from api.reference import DocsView
from api.shipments import OrderShipmentsView, ShipmentImportView, ShipmentViewSet
from api.streams import StreamSyncView
from api.syncs import SyncFailureViewSet, SyncLogViewSet
from api.usage import ApiUsageViewSet
from api.webhooks import DeliveryViewSet, WebhookViewSet
from backoffice.alerts.page import MyAlerts
from backoffice.base.pictures import product_picture
from backoffice.completeness.day import day_view
from backoffice.completeness.history import history_view
from backoffice.completeness.page import completeness_view
from backoffice.completeness.starting import audit_view, stock_audit_view
from backoffice.export.views import export_progress
from backoffice.home.page import home_charts
from backoffice.orders.lookup import WhereIsMyOrder
from backoffice.reports.sales import sales_file, sales_page
from backoffice.shipping.desk import ShippingDesk
from backoffice.shipping.importing import ShipmentImport
from backoffice.shipping.many import ShipMany
from backoffice.shipping.writing import switch_page
from backoffice.syncs.health import health_view
from backoffice.users.inviting import ChoosePassword, ForgottenPassword
from backoffice.users.oidc import OidcBackChannelLogout, OidcBegin, OidcCallback
from backoffice.users.own_password import change_own_password
from backoffice.users.own_sessions import OwnSessions
from backoffice.users.second_factor.confirming import Confirm
from backoffice.users.second_factor.own import OwnFactor
from backoffice.users.second_factor.signing_in import SignIn, SignInCode
from backoffice.users.signing_out import sign_out
from oms.error_handlers import unknown_address
from oms.health import healthz, readyz
from oms.metrics import metrics

LIST: dict[str, Any] = {"get": "list"}
DETAIL: dict[str, Any] = {"get": "retrieve"}
WRITE: dict[str, Any] = {"put": "update", "patch": "partial_update", "delete": "destroy"}
SCHEMA_FORMATS = [OpenApiJsonRenderer2, OpenApiJsonRenderer, OpenApiYamlRenderer, OpenApiYamlRenderer2]


def api(address: str, view: Callable[..., Any], name: str) -> list[URLPattern]:
    """A route with and without trailing slash: a redirect would turn a POST into a GET."""
    return [path(address, view, name=name), path(f"{address}/", view)]


api_patterns = [
    *api("platforms", PlatformViewSet.as_view(LIST | {"post": "create"}), "platforms"),
    *api("platforms/<int:pk>", PlatformViewSet.as_view(DETAIL | WRITE), "platform"),
    *api("platforms/<int:pk>/check", PlatformViewSet.as_view({"post": "check"}), "platform-check"),
    *api(
        "platforms/<int:pk>/stock-end",
        PlatformViewSet.as_view({"get": "stock_end", "post": "end_stock"}),
        "platform-stock-end",
    ),
    *api("orders", OrderViewSet.as_view(LIST), "orders"),
    *api("orders/sync", OrderSyncView.as_view(), "orders-sync"),
    *api("orders/totals", OrderViewSet.as_view({"get": "totals"}), "order-totals"),
    *api("orders/<str:pk>", OrderViewSet.as_view(DETAIL), "order"),
    *api("orders/<str:pk>/buyer", OrderViewSet.as_view({"get": "buyer"}), "order-buyer"),
    *api("orders/<str:pk>/shipments", OrderShipmentsView.as_view(), "order-shipments"),
    *api("shipments", ShipmentViewSet.as_view(LIST), "shipments"),
    *api("shipments/import", ShipmentImportView.as_view(), "shipments-import"),
    *api("shipments/<int:pk>", ShipmentViewSet.as_view(DETAIL | {"patch": "partial_update"}), "shipment"),
    *api("shipments/<int:pk>/send", ShipmentViewSet.as_view({"post": "send"}), "shipment-send"),
    *api("shipments/<int:pk>/retry", ShipmentViewSet.as_view({"post": "retry"}), "shipment-retry"),
    *api("shipments/<int:pk>/cancel", ShipmentViewSet.as_view({"post": "cancel"}), "shipment-cancel"),
    *api("inventory", InventoryViewSet.as_view(LIST), "inventory"),
    *api(
        "inventory/<int:pk>", InventoryViewSet.as_view(DETAIL | {"patch": "partial_update"}), "inventory-item"
    ),
    *api("inventory/sync", InventorySyncView.as_view(), "inventory-sync"),
    *api("<slug:stream>/sync", StreamSyncView.as_view(), "stream-sync"),
    *api("sync-logs", SyncLogViewSet.as_view(LIST), "sync-logs"),
    *api("sync-logs/<int:pk>", SyncLogViewSet.as_view(DETAIL), "sync-log"),
    *api("sync-logs/<int:pk>/cancel", SyncLogViewSet.as_view({"post": "cancel"}), "sync-log-cancel"),
    *api("sync-failures", SyncFailureViewSet.as_view(LIST), "sync-failures"),
    *api("sync-failures/<int:pk>", SyncFailureViewSet.as_view(DETAIL), "sync-failure"),
    *api(
        "sync-failures/<int:pk>/replay",
        SyncFailureViewSet.as_view({"post": "replay"}),
        "sync-failure-replay",
    ),
    *api(
        "sync-failures/<int:pk>/dismiss",
        SyncFailureViewSet.as_view({"post": "dismiss"}),
        "sync-failure-dismiss",
    ),
    *api("changes", ChangesView.as_view(), "changes"),
    *api("webhooks", WebhookViewSet.as_view(LIST | {"post": "create"}), "webhooks"),
    *api("webhooks/<int:pk>", WebhookViewSet.as_view(DETAIL | WRITE), "webhook"),
    *api("webhooks/<int:pk>/test", WebhookViewSet.as_view({"post": "test"}), "webhook-test"),
    *api("webhooks/<int:pk>/rotate", WebhookViewSet.as_view({"post": "rotate"}), "webhook-rotate"),
    *api("webhooks/<int:pk>/replay", WebhookViewSet.as_view({"post": "replay"}), "webhook-replay"),
    *api("webhook-deliveries", DeliveryViewSet.as_view(LIST), "webhook-deliveries"),
    *api("webhook-deliveries/<int:pk>", DeliveryViewSet.as_view(DETAIL), "webhook-delivery"),
    *api(
        "webhook-deliveries/<int:pk>/replay",
        DeliveryViewSet.as_view({"post": "replay"}),
        "webhook-delivery-replay",
    ),
    *api("erasures", ErasureViewSet.as_view(LIST | {"post": "create"}), "erasures"),
    *api("erasures/<int:pk>", ErasureViewSet.as_view(DETAIL), "erasure"),
    *api("legal-holds", LegalHoldViewSet.as_view(LIST | {"post": "create"}), "legal-holds"),
    *api("legal-holds/<int:pk>", LegalHoldViewSet.as_view(DETAIL | WRITE), "legal-hold"),
    *api("api-usage", ApiUsageViewSet.as_view(LIST), "api-usage"),
    *api("completeness", CompletenessViewSet.as_view(LIST), "completeness"),
    *api("audits", AuditViewSet.as_view(LIST | {"post": "create"}), "audits"),
    *api("audits/<int:pk>", AuditViewSet.as_view(DETAIL), "audit"),
    *api("backfills", BackfillViewSet.as_view(LIST | {"post": "create"}), "backfills"),
    *api("backfills/<int:pk>", BackfillViewSet.as_view(DETAIL), "backfill"),
    *api("backfills/<int:pk>/pause", BackfillViewSet.as_view({"post": "pause"}), "backfill-pause"),
    *api("backfills/<int:pk>/resume", BackfillViewSet.as_view({"post": "resume"}), "backfill-resume"),
    *api("backfills/<int:pk>/cancel", BackfillViewSet.as_view({"post": "cancel"}), "backfill-cancel"),
    *api("catch-ups", CatchUpViewSet.as_view(LIST), "catch-ups"),
    *api("catch-ups/<int:pk>", CatchUpViewSet.as_view(DETAIL), "catch-up"),
    *api("inventory-completeness", InventoryCompletenessViewSet.as_view(LIST), "inventory-completeness"),
    *api("inventory-audits", InventoryAuditViewSet.as_view(LIST | {"post": "create"}), "inventory-audits"),
    *api("inventory-audits/<int:pk>", InventoryAuditViewSet.as_view(DETAIL), "inventory-audit"),
    *api("schema", SpectacularAPIView.as_view(renderer_classes=SCHEMA_FORMATS), "schema"),
    *api("docs", DocsView.as_view(), "docs"),
]

# The first segments of the API's addresses. Below them, what is no route is answered with JSON whoever asks.
api_prefixes = sorted({str(each.pattern).split("/")[0] for each in api_patterns} - {"<slug:stream>"})

favicon = RedirectView.as_view(
    url=lazy(static, str)("oms/favicon.svg")
)  # what browsers ask for by themselves
urlpatterns = [
    path("favicon.ico", favicon),
    path("", RedirectView.as_view(pattern_name="admin:index"), name="home"),
    path("admin/exports/<str:token>/", admin.site.admin_view(export_progress), name="export-progress"),
    path("admin/shipping/", admin.site.admin_view(ShippingDesk.as_view()), name="shipping-desk"),
    path("admin/shipping/import/", admin.site.admin_view(ShipmentImport.as_view()), name="shipping-import"),
    path("admin/shipping/orders/", admin.site.admin_view(ShipMany.as_view()), name="ship-many"),
    path("admin/writing/", admin.site.admin_view(switch_page), name="writing"),
    path(
        "admin/pictures/<int:pk>/<int:version>.jpg",
        admin.site.admin_view(product_picture, cacheable=True),
        name="product-picture",
    ),
    path("admin/where/", admin.site.admin_view(WhereIsMyOrder.as_view()), name="where-is-my-order"),
    path("admin/completeness/", admin.site.admin_view(completeness_view), name="order-completeness"),
    path("admin/completeness/day/", admin.site.admin_view(day_view), name="order-completeness-day"),
    path("admin/completeness/audit/", admin.site.admin_view(audit_view), name="order-completeness-audit"),
    path(
        "admin/completeness/audit/stock/",
        admin.site.admin_view(stock_audit_view),
        name="order-completeness-audit-stock",
    ),
    path(
        "admin/completeness/history/", admin.site.admin_view(history_view), name="order-completeness-history"
    ),
    path("admin/reports/sales/", admin.site.admin_view(sales_page), name="sales-report"),
    path(
        "admin/reports/sales/<slug:report>.<str:extension>",
        admin.site.admin_view(sales_file),
        name="sales-file",
    ),
    path("admin/health/", admin.site.admin_view(health_view), name="sync-health"),
    path("admin/alerts/", admin.site.admin_view(MyAlerts.as_view()), name="my-alerts"),
    path("admin/sessions/", admin.site.admin_view(OwnSessions.as_view()), name="my-sessions"),
    path("admin/password_change/", change_own_password, name="password_change"),  # in the place of Django's
    path("admin/home-charts/", admin.site.admin_view(home_charts), name="home-charts"),
    path("admin/login/", SignIn.as_view(), name="sign-in"),
    path("admin/login/code/", SignInCode.as_view(), name="sign-in-code"),
    path("admin/login/oidc/", OidcBegin.as_view(), name="oidc-begin"),
    path("admin/login/oidc/callback/", OidcCallback.as_view(), name="oidc-callback"),
    path(
        "admin/login/oidc/backchannel-logout/",
        OidcBackChannelLogout.as_view(),
        name="oidc-backchannel-logout",
    ),
    path("admin/logout/", sign_out, name="sign-out"),  # in the place of Django's
    path("admin/login/forgotten/", ForgottenPassword.as_view(), name="forgotten-password"),
    path("admin/login/password/<uidb64>/<token>/", ChoosePassword.as_view(), name="choose-password"),
    path("admin/second-factor/", admin.site.admin_view(OwnFactor.as_view()), name="second-factor"),
    path("admin/confirm/", admin.site.admin_view(Confirm.as_view()), name="confirm"),
    path("admin/knox/authtoken/", RedirectView.as_view(pattern_name="admin:access_apitoken_changelist")),
    path("admin/", admin.site.urls),
    path("i18n/", include("django.conf.urls.i18n")),  # the language menu
    *api_patterns,
    *api("healthz", healthz, "healthz"),
    *api("readyz", readyz, "readyz"),
    *api("metrics", metrics, "metrics"),
    re_path(rf"^(?:{'|'.join([*api_prefixes, 'healthz', 'readyz', 'metrics'])})(?:/|$)", unknown_route),
    re_path(rf"^(?!(?:{'|'.join(filter(None, PAGES))})(?:/|$)).", unknown_address),
]

handler400 = "api.errors.bad_request"
handler403 = "oms.error_handlers.permission_denied"
handler404 = "oms.error_handlers.not_found"
handler500 = "api.errors.server_error"
