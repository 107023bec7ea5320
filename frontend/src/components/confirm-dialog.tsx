import { Button, Group, Modal, Stack, Text } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { ErrorDetails } from "./faces";

interface Props {
  opened: boolean;
  onClose: () => void;
  /** The question: `Stop run credit-risk-12?` */
  title: string;
  /** The effect: `It will checkpoint and release 2 × H200.` */
  children: ReactNode;
  /** The verb on the button, with its object: `Stop the run`. */
  verb: string;
  danger?: boolean;
  /** Does it; the dialog closes when it has, and shows the error when it has not. */
  onConfirm: () => Promise<unknown>;
}

/** Asks before what cannot be undone; names the object and the effect. */
export function ConfirmDialog({ opened, onClose, title, children, verb, danger = true, onConfirm }: Props) {
  const { t } = useTranslation();
  const doing = useMutation({ mutationFn: onConfirm, onSuccess: onClose });
  const close = (): void => {
    doing.reset();
    onClose();
  };
  return (
    <Modal opened={opened} onClose={close} title={title} size="md" closeButtonProps={{ "aria-label": t("verb.close") }}>
      <Stack gap="lg">
        <Text component="div">{children}</Text>
        {doing.error ? <ErrorDetails error={doing.error} /> : null}
        <Group justify="flex-end" gap="sm">
          <Button variant="default" onClick={close}>
            {t("verb.cancel")}
          </Button>
          <Button color={danger ? "red.8" : "teal"} loading={doing.isPending} onClick={() => doing.mutate()} data-autofocus>
            {verb}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
