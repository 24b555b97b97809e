# Leveraging Different Learning Styles for Improved Knowledge Distillation in Biomedical Imaging: from archive to table.
from snakemake.utils import min_version

min_version("9.10")


include: "workflow/rules/common.smk"
include: "workflow/rules/helpers/data.smk"
include: "workflow/rules/helpers/report.smk"
include: "workflow/rules/helpers/retries.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/search.smk"
include: "workflow/rules/analyse.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/export.smk"
include: "workflow/rules/helpers/packs.smk"
include: "workflow/rules/publish.smk"


rule all:
    default_target: True
    input:
        asked_of_all,


onstart:
    or_message(refuse_beside_earlier_jobs, Path.cwd())
    check_archives_at_hand()


onsuccess:
    tell_what_was_made()
