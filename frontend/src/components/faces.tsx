import { Alert, Button, Code, Group, Skeleton, Stack, Text, Title } from "@mantine/core";
import { IconAlertTriangle, IconLock, IconMapOff, IconRefresh } from "@tabler/icons-react";
import { Link, useRouter } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { ApiError } from "@/api/problem";
import { useCrumbs } from "./breadcrumbs";
import { CopyButton } from "./copy-button";
import classes from "./faces.module.css";

/** 404: missing and invisible look the same. */
export function NotFound() {
  const { t } = useTranslation();
  return <Face icon={<IconMapOff size={32} aria-hidden />} title={t("face.notFoundTitle")} text={t("face.notFound")} />;
}

/** The same of the project that the address names: the way out is to all projects. */
export function ProjectNotFound() {
  const { t } = useTranslation();
  return <Face icon={<IconMapOff size={32} aria-hidden />} title={t("face.notFoundTitle")} text={t("face.notFound")} anyProject />;
}

/** 403: visible, but this role may not. `detail` is the API's reason. */
export function NotAllowed({ detail }: { detail?: string | undefined }) {
  const { t } = useTranslation();
  return <Face icon={<IconLock size={32} aria-hidden />} title={t("face.forbiddenTitle")} text={t("face.forbidden")} more={detail} />;
}

interface FaceProps {
  icon: ReactNode;
  title: string;
  text: string;
  more?: string | undefined;
  anyProject?: boolean;
}

function Face({ icon, title, text, more, anyProject = false }: FaceProps) {
  const { t } = useTranslation();
  // It stands for the page: a name that was read before is not shown to who may not see it now.
  useCrumbs([{ title }]);
  return (
    <div className={classes.face} role="status">
      {icon}
      <Title order={1}>{title}</Title>
      <Text>{text}</Text>
      {more ? <Text className="soft" lang="en">{more}</Text> : null}
      <Button variant="default" renderRoot={(props) => <Link {...props} to="/" {...(anyProject ? { search: { project: undefined } } : {})} />}>
        {t("face.toOverview")}
      </Button>
    </div>
  );
}

/** Where a part of a page could not be read: what the API said, the code, the request, a button to copy, another try. */
export function ErrorFace({ error, onRetry }: { error: unknown; onRetry?: (() => void) | undefined }) {
  const { t } = useTranslation();
  if (error instanceof ApiError && error.status === 404) return <NotFound />;
  if (error instanceof ApiError && error.status === 403) return <NotAllowed detail={error.message} />;
  return (
    <Alert color="red" variant="outline" icon={<IconAlertTriangle aria-hidden />} title={t("face.failed")} className={classes.alert}>
      <Stack gap="sm">
        <ErrorDetails error={error} />
        {onRetry ? (
          <Group>
            <Button variant="default" leftSection={<IconRefresh size={14} aria-hidden />} onClick={onRetry}>
              {t("verb.retry")}
            </Button>
          </Group>
        ) : null}
      </Stack>
    </Alert>
  );
}

/** The API's sentence, its code and the id of the request, to be copied into a report. */
export function ErrorDetails({ error }: { error: unknown }) {
  const { t, i18n } = useTranslation();
  const known = error instanceof ApiError ? error : null;
  const sentence = error instanceof Error ? error.message : String(error);
  const isOffline = known?.isUnreachable && known.status === 0;
  // The API's sentence is English: who reads another language is told what kind of refusal it is.
  const isForeign = known !== null && !isOffline && !i18n.language.startsWith("en");
  const kind = isForeign && i18n.exists(`problem.${known.code}`) ? t(`problem.${known.code as "invalid"}`) : null;
  const report = [sentence, known && `code: ${known.code}`, known?.requestId && `request: ${known.requestId}`].filter(Boolean).join("\n");
  return (
    <Stack gap={4}>
      {kind ? <Text>{kind}</Text> : null}
      {isOffline ? <Text>{t("face.offlineTitle")}</Text> : <Text size={kind ? "sm" : "md"} lang={known ? "en" : undefined}>{sentence}</Text>}
      {Object.entries(known?.fields ?? {}).filter(([, sentences]) => !sentence.includes(sentences.join(" "))).map(([field, sentences]) => (
        <Text key={field} size="sm" lang="en">
          <Code>{field}</Code> {sentences.join(" ")}
        </Text>
      ))}
      <Group gap="xs" className="soft" fz="xs">
        {known ? (
          <span>
            {t("face.code")} <Code>{known.code}</Code>
          </span>
        ) : null}
        {known?.requestId ? (
          <span>
            {t("face.requestId")} <Code>{known.requestId}</Code>
          </span>
        ) : null}
        <CopyButton text={report} label={t("face.copyDetails")} />
      </Group>
    </Stack>
  );
}

/** A page whose code threw. */
export function PageBroken({ error }: { error: unknown }) {
  const { t } = useTranslation();
  const router = useRouter();
  if (error instanceof ApiError) return <ErrorFace error={error} onRetry={() => void router.invalidate()} />;
  return (
    <div className={classes.face} role="alert">
      <IconAlertTriangle size={32} aria-hidden />
      <Title order={1}>{t("face.brokenTitle")}</Title>
      <Text>{t("face.broken")}</Text>
      <Group>
        <Button onClick={() => window.location.reload()}>{t("face.reload")}</Button>
        <CopyButton text={error instanceof Error ? (error.stack ?? error.message) : String(error)} label={t("face.copyDetails")} />
      </Group>
    </div>
  );
}

/** The size of what comes, so that nothing jumps. */
export function LoadingFace({ height = 160, rows }: { height?: number; rows?: number }) {
  const { t } = useTranslation();
  return (
    <div role="status" aria-busy="true" aria-label={t("face.loading")}>
      {rows ? (
        <Stack gap={6}>
          {Array.from({ length: rows }, (_, index) => (
            <Skeleton key={index} height={26} radius="sm" />
          ))}
        </Stack>
      ) : (
        <Skeleton height={height} radius="md" />
      )}
    </div>
  );
}

interface Query<T> {
  data: T | undefined;
  error: unknown;
  isPending: boolean;
  refetch: () => unknown;
}

/** Shows a query by its face: loading, error (also not allowed, not found), or what it brought. Old data stays while it is read again. */
export function Faces<T>({ query, loading, children }: { query: Query<T>; loading?: ReactNode; children: (data: T) => ReactNode }) {
  if (query.data !== undefined && !(query.error instanceof ApiError && [403, 404].includes(query.error.status))) return <>{children(query.data)}</>;
  if (query.error) return <ErrorFace error={query.error} onRetry={() => void query.refetch()} />;
  return <>{loading ?? <LoadingFace />}</>;
}
