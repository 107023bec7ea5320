import { Button, SegmentedControl, Slider, Switch } from "@mantine/core";
import { IconZoomReset } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { XKind } from "@/components/plot-axes";
import classes from "./curves.module.css";

export interface View {
  x: XKind;
  /** 0 … 0.99 */
  smooth: number;
  log: boolean;
}

interface Props {
  view: View;
  onView: (view: Partial<View>) => void;
  /** While the slider moves; `onView` comes when it is let go. */
  onSmooth: (smooth: number) => void;
  isZoomed: boolean;
  onReset: () => void;
}

/** How all curves of the page are shown. */
export function CurveTools({ view, onView, onSmooth, isZoomed, onReset }: Props) {
  const { t } = useTranslation("runs");
  return (
    <div className={classes.tools} role="toolbar" aria-label={t("curves.tools")}>
      <SegmentedControl
        aria-label={t("curves.x")}
        value={view.x}
        onChange={(x) => onView({ x })}
        data={(["step", "time", "relative"] as const).map((kind) => ({ value: kind, label: t(`chart.${kind}`, { ns: "common" }) }))}
      />
      <div className={classes.smoothing}>
        <span id="smoothing">{t("curves.smoothing")}</span>
        <Slider
          size="sm"
          w={110}
          min={0}
          max={0.99}
          step={0.01}
          label={null}
          thumbProps={{ "aria-labelledby": "smoothing" }}
          value={view.smooth}
          onChange={onSmooth}
          onChangeEnd={(value) => onView({ smooth: value })}
        />
        <span className="num">{view.smooth.toFixed(2)}</span>
      </div>
      <Switch label={t("curves.log")} checked={view.log} onChange={(event) => onView({ log: event.currentTarget.checked })} />
      <Button variant="default" leftSection={<IconZoomReset size={14} aria-hidden />} onClick={onReset} disabled={!isZoomed}>
        {t("chart.resetShort", { ns: "common" })}
      </Button>
    </div>
  );
}
