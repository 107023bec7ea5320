"""The audit trail is append only: the database itself refuses to change or remove a row."""

from typing import ClassVar

from django.db import migrations

FORWARD = """
CREATE FUNCTION common_audit_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit trail is append only' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON common_auditevent
    FOR EACH ROW EXECUTE FUNCTION common_audit_append_only();
"""

BACKWARD = """
DROP TRIGGER audit_append_only ON common_auditevent;
DROP FUNCTION common_audit_append_only();
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("common", "0001_initial")]

    operations: ClassVar = [migrations.RunSQL(FORWARD, BACKWARD)]
