import "@mantine/spotlight/styles.css";
import { createSpotlight, Spotlight } from "@mantine/spotlight";
import { useDebouncedValue } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { IconSearch } from "@tabler/icons-react";
import { useEffect, useState, type KeyboardEvent } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate } from "@tanstack/react-router";
import { useChooseProject } from "@/lib/search";
import { StateBadge } from "@/components/state-badge";
import { foundQuery, NOTHING_FOUND, usePlaces, type Place, type PlaceGroup } from "./palette-places";

const [store, spotlight] = createSpotlight();

/** Jump to any thing by name: pages, projects, and what the API finds. */
export default function Palette({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const [query, setQuery] = useState("");
  const [wanted] = useDebouncedValue(query.trim(), 150);
  const navigate = useNavigate();
  const chooseProject = useChooseProject();
  const found = useQuery(foundQuery(wanted));
  const groups: PlaceGroup[] = [...usePlaces(query), ...(wanted ? (found.data ?? NOTHING_FOUND) : [])].filter(({ places }) => places.length);

  useEffect(() => {
    spotlight.open();
  }, []);

  const go = (place: Place): void => {
    spotlight.close();
    if (place.link) void navigate(place.link);
    else if (place.project !== undefined) chooseProject(place.project || undefined);
    else if (place.href) window.location.assign(place.href);
  };

  // Only what is there with the letters is marked; what the API finds comes later, and Enter is for the first of it.
  const onKeyDown = (event: KeyboardEvent<HTMLInputElement>): void => {
    const first = groups[0]?.places[0];
    if (event.key === "Enter" && !event.nativeEvent.isComposing && first && !event.currentTarget.closest("[role=dialog]")?.querySelector("[data-selected]")) go(first);
  };

  return (
    <Spotlight.Root
      store={store}
      query={query}
      onQueryChange={setQuery}
      onSpotlightClose={onClose}
      shortcut={null}
      maxHeight={480}
      scrollable
      transitionProps={{ duration: 80 }}
      aria-label={t("palette.label")}
    >
      <Spotlight.Search placeholder={t("palette.placeholder")} aria-label={t("palette.placeholder")} onKeyDown={onKeyDown} leftSection={<IconSearch size={16} aria-hidden />} />
      <Spotlight.ActionsList>
        {groups.map((group) => (
          <Spotlight.ActionsGroup key={group.key} label={t(`palette.${group.key}`)}>
            {group.places.map((place) => (
              <Spotlight.Action
                key={place.key}
                label={place.title}
                {...(place.hint ? { description: place.hint } : {})}
                onClick={() => go(place)}
                rightSection={place.noun && place.state ? <StateBadge noun={place.noun} state={place.state} /> : null}
              />
            ))}
          </Spotlight.ActionsGroup>
        ))}
        {groups.length ? null : <Spotlight.Empty>{found.isFetching ? t("face.loading") : t("palette.nothing")}</Spotlight.Empty>}
      </Spotlight.ActionsList>
    </Spotlight.Root>
  );
}
