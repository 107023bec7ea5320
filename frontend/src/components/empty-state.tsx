import { Code, Stack, Text } from "@mantine/core";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { CopyButton } from "./copy-button";
import classes from "./empty-state.module.css";

interface Props {
  /** One sentence: what will be here, and how it gets here. */
  text: string;
  /** The one button that does it. */
  action?: ReactNode;
  /** The same as an API call, to copy. */
  call?: string;
}

/** An empty page that teaches. */
export function EmptyState({ text, action, call }: Props) {
  const { t } = useTranslation();
  return (
    <div className={classes.empty}>
      <Stack gap="md" align="flex-start">
        <Text>{text}</Text>
        {action}
        {call ? (
          <div className={classes.call}>
            <div className={classes.head}>
              <span>{t("face.asApiCall")}</span>
              <CopyButton text={call} />
            </div>
            <Code block tabIndex={0}>
              {call}
            </Code>
          </div>
        ) : null}
      </Stack>
    </div>
  );
}
