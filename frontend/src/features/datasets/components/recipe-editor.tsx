import { Button, Group, Text } from "@mantine/core";
import { IconChevronsDown, IconChevronsUp } from "@tabler/icons-react";
import { useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { wordsOf } from "@/components/schema-form/schema";
import type { Column, StepForm } from "../api";
import { added, columnsAt, duplicated, isUnsureAt, kindOf, moved, type EditedStep, type Kinds, type OrderProblem } from "../logic/recipe";
import type { Advice } from "../preview";
import { AddStep } from "./add-step";
import { RecipeStep } from "./recipe-step";
import classes from "./recipe-editor.module.css";

interface Props {
  steps: readonly EditedStep[];
  onChange: (steps: EditedStep[]) => void;
  forms: readonly StepForm[];
  kinds: Kinds;
  columns: readonly Column[];
  errors: Readonly<Record<string, readonly string[]>>;
  problems: ReadonlyMap<number, OrderProblem>;
  advice: readonly Advice[];
  /** Columns after each step, as far as a preview got. */
  previewed: readonly (readonly { name: string; type: string }[])[];
  /** Place of the step that the preview shows. */
  shown: number;
  onShow: (index: number) => void;
  showProblems: boolean;
  /** Key of the step that is open at first. */
  opens?: number | undefined;
  /** Names of the project's secrets; undefined where the reader may not see them. */
  secrets: readonly string[] | undefined;
}

/** Steps in their order, and below them the kinds that can be added. Order by drag, by buttons, or by Alt and arrows on a step's handle. */
export function RecipeEditor({ steps, onChange, forms, kinds, columns, errors, problems, advice, previewed, shown, onShow, showProblems, opens, secrets }: Props) {
  const { t, i18n } = useTranslation("datasets");
  const [dragged, setDragged] = useState<number | null>(null);
  const [opened, setOpened] = useState<ReadonlySet<number>>(() => new Set(opens === undefined ? [] : [opens]));
  const offers = useMemo(() => ({ secret: (secrets ?? []).map((name) => ({ value: name, label: name })) }), [secrets]);
  const open = (key: number, isOpen: boolean): void => setOpened((before) => new Set(isOpen ? [...before, key] : [...before].filter((each) => each !== key)));
  const [said, setSaid] = useState("");
  const [orderHeard, setOrderHeard] = useState<{ errors: Props["errors"]; order: string }>({ errors, order: "" });
  const list = useRef<HTMLOListElement>(null);
  const order = steps.map(({ key }) => key).join();
  // The server named places by number: once steps have moved they are other places.
  if (orderHeard.errors !== errors) setOrderHeard({ errors, order });
  const current = orderHeard.order === order ? errors : NO_ERRORS;
  const titleOf = (step: EditedStep): string => wordsOf((kinds.get(kindOf(step)) ?? {}), i18n.language, kindOf(step)).title;
  const move = (key: number, to: number): void => {
    const step = steps.find((each) => each.key === key);
    if (!step || to < 0 || to >= steps.length) return;
    onChange(moved(steps, key, to));
    setSaid(t("clean.movedTo", { title: titleOf(step), place: to + 1, total: steps.length }));
  };
  const add = (form: StepForm): void => {
    const next = added(steps, form);
    open(next.at(-1)?.key ?? -1, true);
    onChange(next);
    onShow(next.length - 1);
    requestAnimationFrame(() => list.current?.lastElementChild?.scrollIntoView({ block: "nearest" }));
  };
  return (
    <>
      {steps.length > 1 ? <FoldAll steps={steps} opened={opened} onChange={setOpened} /> : null}
      {steps.length ? (
        <ol ref={list} className={classes.steps}>
          {steps.map((step, index) => (
            <RecipeStep
              key={step.key}
              step={step}
              index={index}
              count={steps.length}
              form={kinds.get(kindOf(step))}
              columns={columnsAt(columns, steps, index, previewed)}
              errors={current}
              problem={problems.get(step.key)}
              advice={advice.filter((each) => each.step === index + 1)}
              isShown={index === shown}
              isOpen={opened.has(step.key)}
              onOpen={(isOpen) => open(step.key, isOpen)}
              isUnsure={isUnsureAt(index, previewed)}
              secrets={secrets}
              offers={offers}
              onShow={() => onShow(index)}
              showProblems={showProblems}
              dragged={dragged}
              onDrag={setDragged}
              onMove={move}
              onChange={(value) => onChange(steps.map((each) => (each.key === step.key ? { ...each, value } : each)))}
              onDuplicate={() => onChange(duplicated(steps, step.key))}
              onRemove={() => onChange(steps.filter((each) => each.key !== step.key))}
            />
          ))}
        </ol>
      ) : (
        <div className={classes.none}>
          <Text className="soft">{t("clean.noSteps")}</Text>
        </div>
      )}
      <span className="visually-hidden" aria-live="polite">
        {said}
      </span>
      <AddStep forms={forms} present={new Set(steps.map(kindOf))} onAdd={add} />
    </>
  );
}

const NO_ERRORS = {};

interface FoldProps {
  steps: readonly EditedStep[];
  opened: ReadonlySet<number>;
  onChange: (opened: ReadonlySet<number>) => void;
}

/** Many steps are looked over folded, each with what it is about. */
function FoldAll({ steps, opened, onChange }: FoldProps) {
  const { t } = useTranslation("datasets");
  const open = steps.filter(({ key }) => opened.has(key)).length;
  return (
    <Group gap={4} className={classes.fold}>
      <Button size="compact-xs" variant="subtle" leftSection={<IconChevronsDown size={14} aria-hidden />} disabled={open === steps.length} onClick={() => onChange(new Set(steps.map(({ key }) => key)))}>
        {t("clean.unfold")}
      </Button>
      <Button size="compact-xs" variant="subtle" leftSection={<IconChevronsUp size={14} aria-hidden />} disabled={open === 0} onClick={() => onChange(new Set())}>
        {t("clean.fold")}
      </Button>
    </Group>
  );
}
