from django.db import migrations


def end_sessions(apps, schema_editor):
    """Sessions that were stored with their keys: the keys also stand in back-ups, so they are ended, not converted."""
    apps.get_model("sessions", "Session").objects.using(schema_editor.connection.alias).all().delete()


class Migration(migrations.Migration):
    dependencies = [("access", "0005_second_factor"), ("sessions", "0001_initial")]

    operations = [migrations.RunPython(end_sessions, migrations.RunPython.noop)]
