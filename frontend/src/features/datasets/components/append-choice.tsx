import { Group, Select, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { count } from "@/lib/format";
import { versionsQuery } from "../api";
import { appendable, named } from "../logic/append";

interface Props {
  dataset: string;
  /** The version that the new one begins with; null: the file's rows alone. */
  value: string | null;
  onChange: (version: string | null) => void;
  /** More than one file: each makes a version. */
  several?: boolean;
  /** What the server said. */
  error?: string | undefined;
  disabled?: boolean;
}

/** Whether a file makes a version of its rows alone, or of those of a version that is there and its own; and what comes of it. */
export function AppendChoice({ dataset, value, onChange, several = false, error, disabled = false }: Props) {
  const { t } = useTranslation("datasets");
  const bases = appendable(useQuery(versionsQuery(dataset)).data ?? []);
  const [newest] = bases;
  const base = bases.find(({ id }) => id === value);
  if (!newest) return null;
  return (
    <div>
      <Group gap="sm" align="start">
        <Select
          label={t("fetch.adds")}
          data={(["alone", "after"] as const).map((mode) => ({ value: mode, label: t(`append.${mode}`) }))}
          value={base ? "after" : "alone"}
          onChange={(mode) => onChange(mode === "after" ? newest.id : null)}
          allowDeselect={false}
          w={300}
          disabled={disabled}
          error={error}
        />
        {base ? (
          <Select
            label={t("append.base")}
            data={bases.map((each) => ({ value: each.id, label: t("append.option", { number: each.number, count: each.row_count, rows: count(each.row_count) }) }))}
            value={base.id}
            onChange={(next) => onChange(next)}
            allowDeselect={false}
            searchable={bases.length > 8}
            limit={100}
            w={240}
            disabled={disabled}
          />
        ) : null}
      </Group>
      <Text size="sm" className="soft" mt={6} maw={760} aria-live="polite">
        {base ? <After base={base} several={several} /> : t("append.saidAlone", { count: several ? 2 : 1 })}
      </Text>
    </div>
  );
}

function After({ base, several }: { base: ReturnType<typeof appendable>[number]; several: boolean }) {
  const { t } = useTranslation("datasets");
  const { names, more } = named(base.schema);
  const { number } = base;
  const said = t(several ? "append.saidEach" : "append.saidAfter", { number, count: base.row_count, rows: count(base.row_count) });
  const columns = t("append.columns", { number, names: more ? t("append.more", { names, count: more, n: count(more) }) : names });
  return <>{t("append.whole", { said, columns, stays: t("append.stays", { number }) })}</>;
}
