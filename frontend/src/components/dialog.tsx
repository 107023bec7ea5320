import { Modal, type ModalProps } from "@mantine/core";
import { Suspense, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { LoadingFace } from "./faces";

/** What had the focus; of an item of a menu, which closes, the button that opened it. */
function focused(): HTMLElement | null {
  const active = document.activeElement;
  const opener = active?.closest("[role=menu]")?.getAttribute("aria-labelledby");
  const found = opener ? document.getElementById(opener) : active;
  return found instanceof HTMLElement ? found : null;
}

/**
 * A dialog that is open as long as it is drawn. Mantine gives the focus back only where a dialog is closed before it
 * goes; this one remembers who had it, so that who uses the keyboard goes on where they were. What its content loads,
 * words for instance, it waits for itself: the page below stays.
 */
export function Dialog({ children, ...props }: Omit<ModalProps, "opened">) {
  const { t } = useTranslation();
  const [before] = useState(focused);
  useEffect(
    () => () => {
      if (!document.activeElement || document.activeElement === document.body) before?.focus({ preventScroll: true });
    },
    [before],
  );
  return (
    <Modal opened closeButtonProps={{ "aria-label": t("verb.close") }} {...props}>
      <Suspense fallback={<LoadingFace />}>{children}</Suspense>
    </Modal>
  );
}
