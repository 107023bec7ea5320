import { Combobox, ScrollArea, UnstyledButton, useCombobox } from "@mantine/core";
import { IconFolder, IconSelector } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useMe } from "@/api/me";
import { useChooseProject, useProjectName } from "@/lib/search";
import classes from "./project-switch.module.css";

const ALL = " all";

/** Whose things the page shows: the choice is in the address. */
export function ProjectSwitch() {
  const { t } = useTranslation();
  const me = useMe();
  const name = useProjectName();
  const choose = useChooseProject();
  const [wanted, setWanted] = useState("");
  const combobox = useCombobox({
    onDropdownClose: () => setWanted(""),
    onDropdownOpen: () => combobox.focusSearchInput(),
  });
  const current = me.projects.find((project) => project.name === name);
  const found = me.projects.filter(({ name: each, title }) => `${each} ${title}`.toLowerCase().includes(wanted.toLowerCase()));
  const shown = current ? current.title || current.name : (name ?? t("top.allProjects"));
  const pick = (value: string): void => {
    choose(value === ALL ? undefined : value);
    combobox.closeDropdown();
  };
  return (
    <Combobox store={combobox} onOptionSubmit={pick} width={280} position="bottom-start">
      <Combobox.Target targetType="button">
        <UnstyledButton className={classes.button} onClick={() => combobox.toggleDropdown()} aria-label={t("top.projectIs", { name: shown })}>
          <IconFolder size={16} aria-hidden />
          <span className="cut">{shown}</span>
          <IconSelector size={14} aria-hidden />
        </UnstyledButton>
      </Combobox.Target>
      <Combobox.Dropdown>
        <Combobox.Search value={wanted} onChange={(event) => setWanted(event.currentTarget.value)} placeholder={t("top.findProject")} aria-label={t("top.findProject")} />
        <Combobox.Options>
          <ScrollArea.Autosize mah={320} type="scroll">
            {wanted ? null : (
              <Combobox.Option value={ALL} active={!name}>
                {t("top.allProjects")}
              </Combobox.Option>
            )}
            {found.map((project) => (
              <Combobox.Option key={project.id} value={project.name} active={project.name === name}>
                <span>{project.title || project.name}</span> <span className="soft mono">{project.name}</span>
              </Combobox.Option>
            ))}
            {found.length ? null : <Combobox.Empty>{t("top.noProject")}</Combobox.Empty>}
          </ScrollArea.Autosize>
        </Combobox.Options>
      </Combobox.Dropdown>
    </Combobox>
  );
}
