import { Button } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconPackage } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { Ago } from "@/components/ago";
import { useCrumbs } from "@/components/breadcrumbs";
import { Faces, LoadingFace } from "@/components/faces";
import { PageHeader } from "@/components/page-header";
import { count } from "@/lib/format";
import { useHasRole } from "@/lib/permissions";
import { useFallbackInterval, useLiveRefresh } from "@/live/use-live";
import { keys, modelQuery, type Model } from "../api";
import { AliasChips } from "../components/alias-chips";
import { RegisterDialog } from "../components/register-dialog";
import { VersionsTable } from "../components/versions-table";

const route = getRouteApi("/models/$modelId");

/** A named line of versions. */
export function ModelPage() {
  const { modelId } = route.useParams();
  const query = useQuery({ ...modelQuery(modelId), refetchInterval: useFallbackInterval() });
  return (
    <Faces query={query} loading={<LoadingFace height={320} />}>
      {(model) => <Shown model={model} />}
    </Faces>
  );
}

function Shown({ model }: { model: Model }) {
  const { t } = useTranslation("models");
  const [opened, register] = useDisclosure(false);
  const mayEdit = useHasRole("editor", model.project);
  const pending = model.latest_version?.state === "pending" ? model.latest_version.id : null;
  useLiveRefresh(pending ? `model_version.${pending}` : null, [keys.models, keys.versions]);
  useCrumbs([{ title: t("title"), link: { to: "/models" } }, { title: model.name }]);
  const verb = mayEdit ? (
    <Button leftSection={<IconPackage size={14} aria-hidden />} onClick={register.open}>
      {t("register.another")}
    </Button>
  ) : undefined;
  return (
    <>
      <PageHeader
        title={model.name}
        lead={
          <>
            <span>{model.project_name}</span>
            <span>{t("list.versions", { count: model.versions_made, n: count(model.versions_made) })}</span>
            <Ago at={model.created_at} />
            <AliasChips aliases={model.aliases} numbered />
          </>
        }
        actions={verb}
      />
      <VersionsTable model={model} verb={verb} />
      {opened ? <RegisterDialog model={model} onClose={register.close} /> : null}
    </>
  );
}
