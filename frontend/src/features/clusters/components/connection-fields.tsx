import { Radio, Stack, Text, TextInput, Textarea, type TextareaProps } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { KINDS, type ClusterDraft, type Wrong } from "../logic/draft";

interface Props {
  draft: ClusterDraft;
  set: (part: Partial<ClusterDraft>) => void;
  wrong: (name: Wrong) => string | undefined;
}

/** How to connect, in one of three ways. */
export function ConnectionFields({ draft, set, wrong }: Props) {
  const { t } = useTranslation("clusters");
  return (
    <>
      <Radio.Group label={t("form.kind")} value={draft.kind} onChange={(value) => set({ kind: KINDS.find((kind) => kind === value) ?? "kubeconfig" })}>
        <Stack gap={6} mt={6}>
          {KINDS.map((kind) => (
            <Radio key={kind} value={kind} label={t(`kind.${kind}`)} />
          ))}
        </Stack>
      </Radio.Group>
      {draft.kind === "kubeconfig" ? (
        <Pasted label={t("form.kubeconfig")} description={`${t("form.kubeconfigSaid")} ${t("form.secretSaid")}`} value={draft.kubeconfig} onChange={(event) => set({ kubeconfig: event.currentTarget.value })} error={wrong("kubeconfig")} required />
      ) : null}
      {draft.kind === "token" ? (
        <>
          <TextInput label={t("form.server")} value={draft.server} onChange={(event) => set({ server: event.currentTarget.value })} placeholder="https://10.1.2.3:6443" error={wrong("server")} required />
          <Pasted label={t("form.ca")} description={t("form.caSaid")} value={draft.ca_pem} onChange={(event) => set({ ca_pem: event.currentTarget.value })} />
          <Pasted label={t("form.token")} description={t("form.secretSaid")} value={draft.token} onChange={(event) => set({ token: event.currentTarget.value })} error={wrong("token")} required />
        </>
      ) : null}
      {draft.kind === "in_cluster" ? (
        <Text size="sm" className="soft">
          {t("form.inClusterSaid")}
        </Text>
      ) : null}
    </>
  );
}

function Pasted(props: TextareaProps) {
  return <Textarea autosize minRows={3} maxRows={8} spellCheck={false} autoComplete="off" classNames={{ input: "mono" }} {...props} />;
}
