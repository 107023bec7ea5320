import { Button, Group, NumberInput, Select, Stack, Text, TextInput } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useMe } from "@/api/me";
import { Dialog } from "@/components/dialog";
import { EmptyState } from "@/components/empty-state";
import { ErrorDetails, Faces, LoadingFace } from "@/components/faces";
import type { Resource } from "@/lib/amounts";
import { moment, value } from "@/lib/format";
import { useNow } from "@/lib/use-now";
import { flavorsOfQuery, ratesQuery, useAddRate } from "../api-budgets";
import { datedRates, type DatedRate } from "../logic/budget";
import { splitResource } from "./what-if/choices";
import classes from "./budgets.module.css";
import table from "./table.module.css";

/** What an hour costs in a pool, from when; who may, says what it will cost. */
export function Rates({ pool }: { pool: string }) {
  const { t } = useTranslation("quotas");
  const me = useMe();
  const rates = useQuery(ratesQuery(pool));
  const [adding, setAdding] = useState(false);
  const now = useNow(60);
  return (
    <section className={classes.rates}>
      <Group justify="space-between" mb={8}>
        <h2>{t("rates.title")}</h2>
        {me.is_superuser ? (
          <Button variant="default" leftSection={<IconPlus size={16} aria-hidden />} onClick={() => setAdding(true)}>
            {t("rates.add")}
          </Button>
        ) : null}
      </Group>
      <Faces query={rates} loading={<LoadingFace rows={3} />}>
        {(rows) => (rows.length ? <RatesTable rows={datedRates(rows, now)} /> : <EmptyState text={t("rates.empty")} />)}
      </Faces>
      {adding ? <AddRate pool={pool} onClose={() => setAdding(false)} /> : null}
    </section>
  );
}

function RatesTable({ rows }: { rows: readonly DatedRate[] }) {
  const { t } = useTranslation("quotas");
  return (
    <div className={table.scroll} tabIndex={0} role="region" aria-label={t("rates.title")}>
      <table className={table.table}>
        <thead>
          <tr>
            <th scope="col">{t("rates.of")}</th>
            <th scope="col" className="num">
              {t("rates.price", { currency: rows[0]?.rate.currency })}
            </th>
            <th scope="col">{t("rates.from")}</th>
            <th scope="col">{t("rates.until")}</th>
            <th scope="col">{t("rates.holds")}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ rate, until, holds }) => (
            <tr key={rate.id} className={holds === "before" ? "soft" : undefined}>
              <td>{rate.resource === "gpus" ? t("rates.anHour.gpus", { flavor: rate.flavor }) : t(`rates.anHour.${rate.resource}`)}</td>
              <td className="num">{value(Number(rate.price), 8)}</td>
              <td>{moment(rate.valid_from)}</td>
              <td>{until ? moment(until) : t("rates.open")}</td>
              <td>{t(`rates.${holds}`)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function AddRate({ pool, onClose }: { pool: string; onClose: () => void }) {
  const { t } = useTranslation(["quotas", "common"]);
  const flavors = (useQuery(flavorsOfQuery(pool)).data ?? []).filter(({ share_of }) => !share_of);
  const [of, setOf] = useState<string | null>(null);
  const [price, setPrice] = useState<number | string>("");
  const [from, setFrom] = useState("");
  const key = useRef(crypto.randomUUID());
  const add = useAddRate();
  const data = [...flavors.map(({ name }) => ({ value: `gpus ${name}`, label: t("rates.anHour.gpus", { flavor: name }) })), ...(["cpu_millis", "memory_bytes"] satisfies Resource[]).map((resource) => ({ value: `${resource} `, label: t(`rates.anHour.${resource}`) }))];
  const isWhole = of !== null && typeof price === "number";
  const send = (): void => {
    if (!isWhole) return;
    add.mutate({ body: { pool, ...splitResource(of), price: String(price), ...(from ? { valid_from: new Date(from).toISOString() } : {}) }, key: key.current }, { onSuccess: onClose, onError: () => (key.current = crypto.randomUUID()) });
  };
  return (
    <Dialog onClose={onClose} title={t("rates.addTitle")}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          send();
        }}
      >
        <Stack gap="md">
          <Select label={t("rates.of")} placeholder={t("whatIf.choose")} data={data} value={of} onChange={setOf} allowDeselect={false} required />
          <NumberInput label={t("rates.priceIs")} value={price} onChange={setPrice} min={0} decimalScale={6} allowNegative={false} required />
          <TextInput type="datetime-local" label={t("rates.fromIs")} description={t("rates.fromSaid")} value={from} onChange={(event) => setFrom(event.currentTarget.value)} />
          <Text size="sm" className="soft">
            {t("rates.effect")}
          </Text>
          {add.error ? <ErrorDetails error={add.error} /> : null}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {t("verb.cancel", { ns: "common" })}
            </Button>
            <Button type="submit" loading={add.isPending} disabled={!isWhole}>
              {t("rates.add")}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  );
}
