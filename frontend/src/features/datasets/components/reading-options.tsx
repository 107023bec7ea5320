import { Button, Collapse } from "@mantine/core";
import { IconChevronDown, IconChevronRight } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { initialForm, type JsonSchema } from "@/components/schema-form/schema";
import { SchemaForm } from "@/components/schema-form/schema-form";
import { ingestionOptionsQuery } from "../api";

type Options = Record<string, unknown>;
const NONE: Options = {};

export interface Reading {
  schema: JsonSchema | undefined;
  options: Options;
  edit: (options: Options) => void;
}

/** How files are read: as nobody has said it, until somebody does. */
export function useReading(): Reading {
  const schema = useQuery(ingestionOptionsQuery).data as JsonSchema | undefined;
  const [edited, edit] = useState<Options | null>(null);
  const options = useMemo(() => edited ?? (schema ? initialForm(schema) : NONE), [edited, schema]);
  return { schema, options, edit };
}

interface Props {
  reading: Reading;
  /** Something must be said here. */
  opened: boolean;
  errors: Readonly<Record<string, readonly string[]>>;
  columns?: { name: string; type: string }[] | undefined;
  disabled: boolean;
}

/** Options are there for who needs them; what the server has said of them opens them. */
export function ReadingOptions({ reading: { schema, options, edit }, opened, errors, columns, disabled }: Props) {
  const { t } = useTranslation("datasets");
  const [open, setOpen] = useState(false);
  const isOpen = open || opened || Object.keys(errors).some((place) => place.startsWith("options"));
  const Chevron = isOpen ? IconChevronDown : IconChevronRight;
  return (
    <div>
      <Button variant="subtle" disabled={!schema} aria-expanded={isOpen} leftSection={<Chevron size={14} aria-hidden />} onClick={() => setOpen(!open)}>
        {t("upload.change")}
      </Button>
      <Collapse expanded={isOpen} pt="sm">
        {schema ? <SchemaForm schema={schema} value={options} onChange={edit} path="options" errors={errors} columns={columns} disabled={disabled} /> : null}
      </Collapse>
    </div>
  );
}
