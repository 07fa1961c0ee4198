/** Dashboards, written by Grafana's own library from short descriptions of their panels. */
import { type Dashboard, DashboardBuilder, QueryVariableBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as TimeseriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';

export interface Query {
  readonly expr: string;
  /** Names the curve; labels stand in double braces. */
  readonly legend: string;
}

export interface Panel {
  readonly title: string;
  readonly description: string;
  /** Grafana's id of a unit: `reqps`, `percentunit`, `ms`, `bytes`, `none`. */
  readonly unit: string;
  readonly queries: readonly Query[];
  /** Default: a time series. */
  readonly kind?: 'timeseries' | 'stat';
  /** Of 24. Default 12. */
  readonly width?: number;
}

export interface Variable {
  readonly name: string;
  readonly label: string;
  /** A metric, and the label of it whose values can be chosen. */
  readonly values: { readonly metric: string; readonly label: string };
  /** What is shown at first. */
  readonly initial?: string;
}

export interface DashboardProps {
  /** Stands in its address; never changes. */
  readonly uid: string;
  readonly title: string;
  readonly variables?: readonly Variable[];
  readonly panels: readonly Panel[];
}

/** The id by which dashboards name the source of their data. */
export const PROMETHEUS_SOURCE = { type: 'prometheus', uid: 'prometheus' };

/** The dashboard as Grafana reads it from a file. Where there is no data, panels say so: nothing is filled with zeros. */
export function dashboard({ uid, title, variables = [], panels }: DashboardProps): Dashboard {
  const builder = new DashboardBuilder(title).uid(uid).tags(['malha']).refresh('10s').readonly();
  builder.time({ from: 'now-15m', to: 'now' });
  for (const { name, label, values, initial } of variables) {
    const variable = new QueryVariableBuilder(name)
      .label(label)
      .datasource(PROMETHEUS_SOURCE)
      .query(`label_values(${values.metric}, ${values.label})`)
      .refresh(2);
    if (initial !== undefined) variable.current({ text: initial, value: initial });
    builder.withVariable(variable);
  }
  for (const panel of panels) builder.withPanel(panelOf(panel));
  return builder.build();
}

function panelOf({ title, description, unit, queries, kind = 'timeseries', width = 12 }: Panel) {
  const panel = kind === 'stat' ? new StatBuilder() : new TimeseriesBuilder();
  panel.title(title).description(description).unit(unit).min(0).span(width).height(8).datasource(PROMETHEUS_SOURCE);
  queries.forEach(({ expr, legend }, index) => {
    const refId = String.fromCharCode('A'.charCodeAt(0) + index);
    panel.withTarget(new DataqueryBuilder().refId(refId).expr(expr).legendFormat(legend));
  });
  return panel;
}

/** A share of requests; without requests there is no value, and with requests but nothing to count it is 0. */
export function share(part: string, whole: string): string {
  return `(${part} or 0 * ${whole}) / ${whole}`;
}

/** Quantiles of a histogram, one query for each. @param by further labels to tell curves apart by. */
export function quantiles(histogram: string, selector: string, by: readonly string[] = []): Query[] {
  const labels = ['le', ...by].join(', ');
  return [0.5, 0.9, 0.99].map((quantile) => ({
    expr: `histogram_quantile(${quantile}, sum by (${labels}) (rate(${histogram}_bucket${selector}[1m])))`,
    legend: [`p${quantile * 100}`, ...by.map((label) => `{{${label}}}`)].join(' '),
  }));
}
