import { Alert, Button, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Faces, LoadingFace } from "@/components/faces";
import { recipeStepsQuery, reportQuery, type Report } from "../api";
import { ReportStep } from "./report-step";
import classes from "./report-rail.module.css";

/** What cleaning did, step by step, along a rail. */
export function ReportRail({ version }: { version: string }) {
  return (
    <Faces query={useQuery(reportQuery(version))} loading={<LoadingFace height={320} />}>
      {(report) => <Rail report={report} />}
    </Faces>
  );
}

function Rail({ report }: { report: Report }) {
  const { t } = useTranslation("datasets");
  const forms = useQuery(recipeStepsQuery).data;
  const [open, setOpen] = useState<ReadonlySet<number>>(new Set());
  if (!report.steps.length) return <Text className="soft">{t("report.none")}</Text>;
  const isAllOpen = open.size === report.steps.length;
  const toggle = (step: number): void =>
    setOpen((before) => {
      const next = new Set(before);
      if (!next.delete(step)) next.add(step);
      return next;
    });
  return (
    <section aria-label={t("tab.report")}>
      <div className={classes.head}>
        <div className={classes.of}>
          {report.recipe ? <span>{t("report.recipe", { name: report.recipe_name, number: report.recipe_number })}</span> : null}
          {report.input_version ? (
            <Link to="/dataset-versions/$versionId" params={{ versionId: report.input_version }}>
              {t("report.of", { number: report.input_version_number })}
            </Link>
          ) : null}
        </div>
        <Button variant="default" onClick={() => setOpen(isAllOpen ? new Set() : new Set(report.steps.map(({ step }) => step)))}>
          {isAllOpen ? t("report.closeAll") : t("report.openAll")}
        </Button>
      </div>
      {report.is_cut ? (
        <Alert variant="outline" color="gray" mb="sm">
          {t("report.cut")}
        </Alert>
      ) : null}
      <ol className={classes.rail}>
        {report.steps.map((step) => (
          <ReportStep key={step.step} step={step} form={forms?.find((form) => form.kind === step.kind)} isOpen={open.has(step.step)} onToggle={toggle} />
        ))}
      </ol>
    </section>
  );
}
