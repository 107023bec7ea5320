import { ActionIcon } from "@mantine/core";
import { useLocalStorage } from "@mantine/hooks";
import { IconChevronDown, IconChevronUp } from "@tabler/icons-react";
import { useRef, type KeyboardEvent, type PointerEvent, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import classes from "./logs.module.css";

const LEAST = 120;
const STRIDE = 32;
const most = (): number => Math.max(LEAST, Math.round(window.innerHeight * 0.75));
const within = (height: number): number => Math.round(Math.max(LEAST, Math.min(most(), height)));

/** A panel at the lower edge of a page that stays while its tabs change; its size is the reader's. */
export function LogDock({ title, note, children, openAtFirst = true }: { title: string; note?: ReactNode; children: ReactNode; openAtFirst?: boolean }) {
  const { t } = useTranslation();
  const [height, setHeight] = useLocalStorage({ key: "bedplate-dock-height", defaultValue: 200, getInitialValueInEffect: false });
  const [isOpen, setOpen] = useLocalStorage({ key: "bedplate-dock-open", defaultValue: openAtFirst, getInitialValueInEffect: false });
  const from = useRef<{ y: number; height: number } | null>(null);
  const body = useRef<HTMLDivElement>(null);
  const onPointerDown = (event: PointerEvent<HTMLDivElement>): void => {
    event.currentTarget.setPointerCapture(event.pointerId);
    from.current = { y: event.clientY, height };
  };
  const onPointerMove = (event: PointerEvent): void => {
    if (from.current && body.current) body.current.style.height = `${within(from.current.height + from.current.y - event.clientY)}px`;
  };
  const onPointerUp = (event: PointerEvent): void => {
    if (from.current) setHeight(within(from.current.height + from.current.y - event.clientY));
    from.current = null;
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const by = { ArrowUp: STRIDE, ArrowDown: -STRIDE }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    setHeight(within(height + by));
  };
  const verb = isOpen ? t("logs.fold") : t("logs.unfold");
  return (
    <section className={classes.dock} aria-label={title}>
      {isOpen ? (
        <div
          className={classes.grip}
          role="separator"
          aria-orientation="horizontal"
          aria-label={t("logs.resize")}
          aria-valuenow={height}
          aria-valuemin={LEAST}
          aria-valuemax={most()}
          tabIndex={0}
          onPointerDown={onPointerDown}
          onPointerMove={onPointerMove}
          onPointerUp={onPointerUp}
          onKeyDown={onKeyDown}
        />
      ) : null}
      <div className={classes.bar}>
        <h2>{title}</h2>
        {note}
        <ActionIcon aria-label={verb} title={verb} aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          {isOpen ? <IconChevronDown size={18} aria-hidden /> : <IconChevronUp size={18} aria-hidden />}
        </ActionIcon>
      </div>
      {isOpen ? (
        <div ref={body} className={classes.body} style={{ height: within(height) }}>
          {children}
        </div>
      ) : null}
    </section>
  );
}
