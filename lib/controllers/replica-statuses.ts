/**
 * What every replica of one control plane has to say of itself, for whoever asks one of them. All are asked at the same time, and each
 * has the same time to answer; one that does not is told of, never left out.
 */

/** One replica, as its Service knows it. */
export interface ReplicaAddress {
  /** Of its Pod, where the Service tells. */
  readonly name?: string;
  /** `HOST:PORT` */
  readonly address: string;
}

/** What a replica answers. */
export interface ReplicaMessage {
  /** Who answers; different for every process. */
  readonly replica: string;
  readonly name: string;
  /** Undefined when it was asked by itself. */
  readonly status?: unknown;
}

/** Asks a replica; rejects when it does not answer. */
export type AskReplica = (address: string) => Promise<ReplicaMessage>;

/** One that answered has a status, one that did not has an error. */
export type ReplicaAnswer<Status> =
  | { readonly name: string; readonly address: string; readonly status: Status }
  | { readonly name: string; readonly address: string; readonly error: string };

export interface ReplicaStatusesOptions<Status> {
  /** The name of this replica's Pod, where it has one. */
  readonly name?: string;
  /** All replicas, this one too. */
  readonly addresses: () => readonly ReplicaAddress[];
  readonly ask: AskReplica;
  /** @throws when it is no status */
  readonly read: (status: unknown) => Status;
}

export class ReplicaStatuses<Status> {
  private underWay: Promise<ReplicaAnswer<Status>[]> | undefined;

  constructor(private readonly options: ReplicaStatusesOptions<Status>) {}

  /** Of all replicas but this one, by name. Who asks while others are being asked gets the same answers. */
  ofOthers(): Promise<readonly ReplicaAnswer<Status>[]> {
    this.underWay ??= this.ask().finally(() => {
      this.underWay = undefined;
    });
    return this.underWay;
  }

  private async ask(): Promise<ReplicaAnswer<Status>[]> {
    const { name: own, addresses } = this.options;
    const others = addresses().filter(({ name }) => name === undefined || name !== own);
    const answers = await Promise.all(others.map((replica) => this.answerOf(replica)));
    return answers.flat().sort((a, b) => (a.name < b.name ? -1 : Number(a.name > b.name)));
  }

  /** None when it is this replica itself. */
  private async answerOf({ name, address }: ReplicaAddress): Promise<ReplicaAnswer<Status>[]> {
    try {
      const message = await this.options.ask(address);
      if (message.status === undefined) return [];
      return [{ name: name ?? message.name, address, status: this.options.read(message.status) }];
    } catch (error) {
      return [{ name: name ?? address, address, error: (error as Error).message }];
    }
  }
}

/** @throws when it is none. */
export function readReplicaMessage(bytes: Buffer): ReplicaMessage {
  const { replica, name, status } = JSON.parse(bytes.toString()) as Partial<ReplicaMessage>;
  if (typeof replica !== 'string' || typeof name !== 'string') throw new Error('no status of a replica');
  return { replica, name, status };
}
