import { useTranslation } from "react-i18next";
import { Dialog } from "@/components/dialog";
import classes from "./shortcuts.module.css";

/** Keys are as they are written on them; one inner list is pressed together, several are alternatives. */
const GROUPS = [
  {
    word: "anywhere",
    keys: [
      { word: "palette", any: [["⌘/Ctrl", "K"], ["/"]] },
      { word: "nav", any: [["⌘/Ctrl", "B"]] },
      { word: "help", any: [["?"]] },
      { word: "close", any: [["Esc"]] },
    ],
  },
  {
    word: "tables",
    keys: [
      { word: "row", any: [["↑"], ["↓"]] },
      { word: "page", any: [["Page Up"], ["Page Down"]] },
      { word: "ends", any: [["Home"], ["End"]] },
      { word: "open", any: [["Enter"]] },
      { word: "select", any: [["Space"]] },
      { word: "selectTo", any: [["Shift", "↑"], ["Shift", "↓"]] },
    ],
  },
  {
    word: "charts",
    keys: [
      { word: "point", any: [["←"], ["→"]] },
      { word: "ends", any: [["Home"], ["End"]] },
      { word: "zoom", any: [["+"], ["−"]] },
      { word: "all", any: [["0"], ["Esc"]] },
    ],
  },
  {
    word: "logs",
    keys: [
      { word: "next", any: [["Enter"]] },
      { word: "previous", any: [["Shift", "Enter"]] },
      { word: "clear", any: [["Esc"]] },
      { word: "height", any: [["↑"], ["↓"]] },
    ],
  },
  {
    word: "order",
    keys: [
      { word: "curve", any: [["←"], ["→"]] },
      { word: "step", any: [["Alt", "↑"], ["Alt", "↓"]] },
    ],
  },
] as const;

/** What can be done without a mouse, by place. */
export default function Shortcuts({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const words = (key: string): string => t(`keys.${key}` as "keys.anywhere.title");
  return (
    <Dialog onClose={onClose} size="xl" title={t("top.keyboard")}>
      <div className={classes.groups}>
        {GROUPS.map((group) => (
          <section key={group.word}>
            <h3>{words(`${group.word}.title`)}</h3>
            <dl className={classes.keys}>
              {group.keys.map(({ word, any }) => (
                <div key={word}>
                  <dt>{words(`${group.word}.${word}`)}</dt>
                  <dd>
                    {any.map((together) => (
                      <span key={together.join()} className={classes.together}>
                        {together.map((key) => (
                          <kbd key={key}>{key}</kbd>
                        ))}
                      </span>
                    ))}
                  </dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Dialog>
  );
}
