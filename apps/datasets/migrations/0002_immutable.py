"""What is published stays as it is: the database itself refuses to change it."""

from typing import ClassVar

from django.db import migrations

FORWARD = """
CREATE FUNCTION datasets_version_immutable() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state NOT IN ('draft', 'validating') AND
        (OLD.project_id, OLD.dataset_id, OLD.number, OLD.digest, OLD.schema, OLD.manifest, OLD.row_count,
         OLD.size_bytes, OLD.parent_id, OLD.ingestion_id, OLD.cleaning_run_id, OLD.splits, OLD.report,
         OLD.preprocessor)
        IS DISTINCT FROM
        (NEW.project_id, NEW.dataset_id, NEW.number, NEW.digest, NEW.schema, NEW.manifest, NEW.row_count,
         NEW.size_bytes, NEW.parent_id, NEW.ingestion_id, NEW.cleaning_run_id, NEW.splits, NEW.report,
         NEW.preprocessor)
    THEN
        RAISE EXCEPTION 'a published dataset version is immutable' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER dataset_version_immutable BEFORE UPDATE ON datasets_datasetversion
    FOR EACH ROW EXECUTE FUNCTION datasets_version_immutable();

CREATE FUNCTION datasets_recipe_immutable() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.project_id, OLD.name, OLD.number, OLD.steps, OLD.digest)
        IS DISTINCT FROM (NEW.project_id, NEW.name, NEW.number, NEW.steps, NEW.digest)
    THEN
        RAISE EXCEPTION 'a recipe is immutable: a change is a new number' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER recipe_immutable BEFORE UPDATE ON datasets_recipe
    FOR EACH ROW EXECUTE FUNCTION datasets_recipe_immutable();

CREATE FUNCTION datasets_source_immutable() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.project_id, OLD.dataset_id, OLD.path, OLD.sha256, OLD.size_bytes)
        IS DISTINCT FROM (NEW.project_id, NEW.dataset_id, NEW.path, NEW.sha256, NEW.size_bytes)
    THEN
        RAISE EXCEPTION 'a source is immutable' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER source_immutable BEFORE UPDATE ON datasets_source
    FOR EACH ROW EXECUTE FUNCTION datasets_source_immutable();
"""

BACKWARD = """
DROP TRIGGER source_immutable ON datasets_source;
DROP FUNCTION datasets_source_immutable();
DROP TRIGGER recipe_immutable ON datasets_recipe;
DROP FUNCTION datasets_recipe_immutable();
DROP TRIGGER dataset_version_immutable ON datasets_datasetversion;
DROP FUNCTION datasets_version_immutable();
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("datasets", "0001_initial")]

    operations: ClassVar = [migrations.RunSQL(FORWARD, BACKWARD)]
