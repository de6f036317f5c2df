"""Which site the admin is: https://docs.djangoproject.com/en/5.2/ref/contrib/admin/#overriding-the-default-admin-site"""

from django.contrib.admin.apps import AdminConfig


class OmsAdminConfig(AdminConfig):
    default_site = "backoffice.base.site.OmsSite"
