import { useElementSize } from "@mantine/hooks";
import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useRef, useState } from "react";
import type { Column, ColumnProfile } from "../api";
import { CARD_HEIGHT, ColumnCard } from "./column-card";

const LEAST_WIDTH = 208;
const GAP = 12;

interface Props {
  columns: readonly Column[];
  profiles: ReadonlyMap<string, ColumnProfile>;
  rows: number;
  open: string | undefined;
  onOpen: (name: string) => void;
  label: string;
}

/** Cards in as many columns as fit; thousands of them, of which only those in sight are drawn. */
export function ColumnGrid({ columns, profiles, rows, open, onOpen, label }: Props) {
  const { ref, width } = useElementSize<HTMLDivElement>();
  const box = useRef<HTMLDivElement>(null);
  const [margin, setMargin] = useState(0);
  const across = Math.max(1, Math.floor((width + GAP) / (LEAST_WIDTH + GAP)));
  // oxlint-disable-next-line react/incompatible-library
  const virtual = useWindowVirtualizer({ count: width ? Math.ceil(columns.length / across) : 0, estimateSize: () => CARD_HEIGHT + GAP, overscan: 3, scrollMargin: margin });
  useEffect(() => {
    setMargin((box.current?.getBoundingClientRect().top ?? 0) + window.scrollY);
  }, [width, columns.length]);
  return (
    <div ref={box}>
      <div ref={ref} role="list" aria-label={label} style={{ position: "relative", height: virtual.getTotalSize() - GAP }}>
        {virtual.getVirtualItems().map((row) => (
          <div
            key={row.key}
            role="presentation"
            style={{
              position: "absolute",
              top: 0,
              insetInline: 0,
              display: "grid",
              gridTemplateColumns: `repeat(${across}, minmax(0, 1fr))`,
              gap: GAP,
              transform: `translateY(${row.start - margin}px)`,
            }}
          >
            {columns.slice(row.index * across, (row.index + 1) * across).map((column, index) => (
              <div key={column.name} role="listitem" aria-setsize={columns.length} aria-posinset={row.index * across + index + 1}>
                <ColumnCard column={column} profile={profiles.get(column.name)} rows={rows} isOpen={open === column.name} onOpen={onOpen} />
              </div>
            ))}
          </div>
        ))}
      </div>
    </div>
  );
}
