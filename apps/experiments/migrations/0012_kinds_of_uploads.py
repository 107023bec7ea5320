"""An upload is of one of the kinds of artifacts."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('experiments', '0011_default_views'),
    ]

    operations = [
        migrations.AlterField(
            model_name='artifactupload',
            name='kind',
            field=models.CharField(choices=[('model', 'Model'), ('preprocessor', 'Preprocessor'), ('report', 'Report'), ('file', 'File')], editable=False, max_length=20),
        ),
    ]
