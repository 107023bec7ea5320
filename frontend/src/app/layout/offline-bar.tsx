import { Button } from "@mantine/core";
import { IconCloudOff } from "@tabler/icons-react";
import { useSyncExternalStore } from "react";
import { useTranslation } from "react-i18next";
import { reachability } from "@/api/reachability";
import classes from "./offline-bar.module.css";

/** Says that the server does not answer, above the page as it was; goes by itself when it answers again. */
export function OfflineBar() {
  const { t } = useTranslation();
  const lost = useSyncExternalStore(reachability.subscribe, reachability.isLost);
  if (!lost) return null;
  return (
    <div className={classes.bar} role="alert">
      <IconCloudOff size={16} aria-hidden />
      <strong>{t("face.offlineTitle")}</strong>
      <span>{t("face.offline")}</span>
      <Button size="compact-xs" variant="default" onClick={() => void reachability.probe()}>
        {t("verb.retry")}
      </Button>
    </div>
  );
}
