"""Versions name the small files beside their data: a sample, the report in full, a profile."""

from typing import ClassVar

from django.db import migrations, models

FUNCTION = """
CREATE OR REPLACE FUNCTION datasets_version_immutable() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state NOT IN ('draft', 'validating') AND
        (OLD.project_id, OLD.dataset_id, OLD.number, OLD.digest, OLD.schema, OLD.manifest, OLD.row_count,
         OLD.size_bytes, OLD.parent_id, OLD.ingestion_id, OLD.cleaning_run_id, OLD.splits, OLD.report,
         OLD.preprocessor%(old)s)
        IS DISTINCT FROM
        (NEW.project_id, NEW.dataset_id, NEW.number, NEW.digest, NEW.schema, NEW.manifest, NEW.row_count,
         NEW.size_bytes, NEW.parent_id, NEW.ingestion_id, NEW.cleaning_run_id, NEW.splits, NEW.report,
         NEW.preprocessor%(new)s)
    THEN
        RAISE EXCEPTION 'a published dataset version is immutable' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
"""
FORWARD = FUNCTION % {"old": ", OLD.companions", "new": ", NEW.companions"}
BACKWARD = FUNCTION % {"old": "", "new": ""}


class Migration(migrations.Migration):
    dependencies: ClassVar = [("datasets", "0002_immutable")]

    operations: ClassVar = [
        migrations.AddField("datasetversion", "companions", models.JSONField(default=dict, editable=False)),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
