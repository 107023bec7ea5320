import { ActionIcon, Drawer, Group, Table, Text, Title } from "@mantine/core";
import { IconChevronLeft, IconChevronRight } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { count, NONE, percent, value } from "@/lib/format";
import type { Column, ColumnProfile, VersionDetail } from "../api";
import { edgeFormat, figure, hasBars, quantilesOf } from "../logic/show";
import { Distribution } from "./distribution";
import { Findings } from "./findings";
import { NullBar } from "./null-bar";
import { Patterns } from "./patterns";
import { TopValues } from "./top-values";
import classes from "./column-panel.module.css";

interface Props {
  version: VersionDetail;
  column: Column | undefined;
  profile: ColumnProfile | undefined;
  rows: number;
  onClose: () => void;
  /** To the column before or after; undefined at the ends. */
  onBefore: (() => void) | undefined;
  onAfter: (() => void) | undefined;
}

/** A column's statistics in full, beside the strip: cards can be pressed on while it is open. */
export function ColumnPanel({ version, column, profile, rows, onClose, onBefore, onAfter }: Props) {
  const { t } = useTranslation("datasets");
  const { t: tCommon } = useTranslation();
  return (
    <Drawer.Root opened={column !== undefined} onClose={onClose} position="right" size={520} lockScroll={false} trapFocus={false} transitionProps={{ duration: 100 }} classNames={{ content: classes.panel }}>
      <Drawer.Content aria-label={column?.name}>
        <div className={classes.head}>
          <Drawer.Title component="h2" className="cut" title={column?.name}>
            {column?.name}
          </Drawer.Title>
          <Group gap={2} wrap="nowrap">
            <ActionIcon aria-label={t("column.before")} onClick={onBefore} disabled={!onBefore}>
              <IconChevronLeft size={18} aria-hidden />
            </ActionIcon>
            <ActionIcon aria-label={t("column.after")} onClick={onAfter} disabled={!onAfter}>
              <IconChevronRight size={18} aria-hidden />
            </ActionIcon>
            <Drawer.CloseButton aria-label={tCommon("verb.close")} />
          </Group>
        </div>
        <Drawer.Body>
          {column ? (
            <>
              <Text className="soft" size="sm" mb="md">
                {t(`type.${column.type}`)} · {column.nullable ? t("column.nullable") : t("column.notNullable")}
              </Text>
              {profile ? <Statistics version={version} profile={profile} rows={rows} /> : <Text className="soft">{t("column.noStatistics")}</Text>}
            </>
          ) : null}
        </Drawer.Body>
      </Drawer.Content>
    </Drawer.Root>
  );
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className={classes.part}>
      <Title order={3}>{title}</Title>
      {children}
    </section>
  );
}

/** Shapes of so few different texts say less than the texts themselves. */
const FEW_TEXTS = 6;

function Statistics({ version, profile, rows }: { version: VersionDetail; profile: ColumnProfile; rows: number }) {
  const { t } = useTranslation("datasets");
  const { t: tProfile } = useTranslation("profile");
  const quantiles = quantilesOf(profile);
  return (
    <>
      <NullBar missing={profile.null_count} rows={rows} />
      {profile.findings.length ? (
        <Part title={t("column.findings")}>
          <Findings findings={profile.findings} of={{ column: profile.name, version }} />
        </Part>
      ) : null}
      {hasBars(profile) && profile.histogram ? (
        <Part title={t("column.distribution")}>
          <Distribution
            key={profile.name}
            name={profile.name}
            bins={profile.histogram}
            logBins={profile.log_histogram}
            format={edgeFormat(profile.type, profile.histogram.edges)}
            quantiles={profile.quantiles}
            fences={profile.fences}
          />
        </Part>
      ) : null}
      <Part title={t("column.statistics")}>
        <Figures profile={profile} rows={rows} />
      </Part>
      {quantiles.length ? (
        <Part title={t("column.quantiles")}>
          <Table className={classes.figures} aria-label={t("column.quantiles")}>
            <Table.Tbody>
              {quantiles.map(([name, found]) => (
                <Table.Tr key={name}>
                  <Table.Th scope="row">{percent(Number(name))}</Table.Th>
                  <Table.Td className="num">{figure(found, profile.type, 6)}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
          {profile.quantiles_error ? (
            <Text size="xs" className="soft">
              {tProfile("column.quantilesError", { error: percent(profile.quantiles_error) })}
            </Text>
          ) : null}
        </Part>
      ) : null}
      {profile.text_length ? (
        <Part title={t("column.lengths")}>
          <Distribution key={profile.name} name={profile.name} bins={profile.text_length.histogram} format={(edge) => value(edge, 4)} height={112} />
          <Text size="xs" className="soft">
            {t("column.lengthsAre", { from: count(profile.text_length.minimum), mean: value(profile.text_length.mean, 3), to: count(profile.text_length.maximum) })}
          </Text>
        </Part>
      ) : null}
      {profile.patterns && profile.distinct_count > FEW_TEXTS ? (
        <Part title={tProfile("column.patterns")}>
          <Patterns patterns={profile.patterns} />
        </Part>
      ) : null}
      {profile.near_duplicates?.rows ? (
        <Part title={tProfile("column.near")}>
          {profile.near_duplicates.examples.map((pair, index) => (
            <div key={index} className={classes.pair} data-said>
              {pair.map((text, place) => (
                <p key={place}>{text}</p>
              ))}
            </div>
          ))}
        </Part>
      ) : null}
      {profile.top_values.some((each) => each.count > 1) ? (
        <Part title={t("column.topValues")}>
          <TopValues column={profile} rows={rows} full />
        </Part>
      ) : null}
    </>
  );
}

function Figures({ profile, rows }: { profile: ColumnProfile; rows: number }) {
  const { t } = useTranslation("datasets");
  const { t: tProfile } = useTranslation("profile");
  const { fences, order } = profile;
  const found: [string, string][] = [
    ["rows", count(rows)],
    ["missingCount", count(profile.null_count)],
    ["distinctCount", profile.distinct_is_exact ? count(profile.distinct_count) : tProfile("column.about", { n: count(profile.distinct_count) })],
    ["minimum", figure(profile.minimum, profile.type, 6)],
    ["maximum", figure(profile.maximum, profile.type, 6)],
    ["mean", value(profile.mean, 6)],
    ["std", value(profile.std, 6)],
  ];
  return (
    <Table className={classes.figures} aria-label={t("column.statistics")}>
      <Table.Tbody>
        {found
          .filter(([, text]) => text !== NONE)
          .map(([name, text]) => (
            <Table.Tr key={name}>
              <Table.Th scope="row">{t(`statistic.${name as "rows"}`)}</Table.Th>
              <Table.Td className="num">{text}</Table.Td>
            </Table.Tr>
          ))}
        {fences ? (
          <>
            <Table.Tr>
              <Table.Th scope="row">{tProfile("column.fences")}</Table.Th>
              <Table.Td className="num">
                {figure(fences.low, profile.type, 5)} … {figure(fences.high, profile.type, 5)}
              </Table.Td>
            </Table.Tr>
            <Table.Tr>
              <Table.Th scope="row">{tProfile("column.outside")}</Table.Th>
              <Table.Td className="num">{tProfile("column.outsideAre", { below: count(fences.below), above: count(fences.above) })}</Table.Td>
            </Table.Tr>
          </>
        ) : null}
        {order ? (
          <Table.Tr>
            <Table.Th scope="row">{tProfile("column.order")}</Table.Th>
            <Table.Td className="num">{tProfile(`finding.way.${order}`)}</Table.Td>
          </Table.Tr>
        ) : null}
      </Table.Tbody>
    </Table>
  );
}
