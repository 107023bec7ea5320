import { useRef, useState, type KeyboardEvent, type PointerEvent } from "react";
import { useTranslation } from "react-i18next";
import { boundedWidth, WIDTH_LEAST, WIDTH_MOST } from "./columns";
import classes from "./data-table.module.css";

interface Props {
  columnKey: string;
  name: string;
  onWidth: (key: string, width: number) => void;
  onDragWidth: (key: string, width: number | undefined) => void;
}

const STRIDE = 16;

/** The right edge of a column's head: dragged, or moved by the arrow keys, it makes the column wider or narrower. */
export function ColumnEdge({ columnKey, name, onWidth, onDragWidth }: Props) {
  const { t } = useTranslation();
  const edge = useRef<HTMLSpanElement>(null);
  const from = useRef<{ x: number; width: number } | null>(null);
  const [width, setWidth] = useState<number>();
  const now = (): number => edge.current?.parentElement?.offsetWidth ?? 0;
  const at = (event: PointerEvent): number => boundedWidth((from.current?.width ?? 0) + event.clientX - (from.current?.x ?? 0));
  const finish = (event: PointerEvent): void => {
    if (!from.current) return;
    const wanted = at(event);
    from.current = null;
    onDragWidth(columnKey, undefined);
    onWidth(columnKey, wanted);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const by = { ArrowLeft: -STRIDE, ArrowRight: STRIDE }[event.key];
    if (!by) return;
    event.preventDefault();
    event.stopPropagation();
    onWidth(columnKey, boundedWidth(now() + by));
  };
  return (
    <span
      ref={edge}
      role="separator"
      tabIndex={0}
      aria-orientation="vertical"
      aria-label={t("table.widen", { column: name })}
      aria-valuemin={WIDTH_LEAST}
      aria-valuemax={WIDTH_MOST}
      aria-valuenow={width ?? WIDTH_LEAST}
      className={classes.edge}
      // The head itself is dragged to another place.
      draggable
      onDragStart={(event) => {
        event.preventDefault();
        event.stopPropagation();
      }}
      onFocus={() => setWidth(boundedWidth(now()))}
      onClick={(event) => event.stopPropagation()}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        from.current = { x: event.clientX, width: now() };
      }}
      onPointerMove={(event) => from.current && onDragWidth(columnKey, at(event))}
      onPointerUp={finish}
      onPointerCancel={finish}
      onKeyDown={onKeyDown}
    />
  );
}
