/**
 * What every replica of one control plane has to say, for whoever asks one of them: each knows only its own proxies. All are asked at
 * the same time, and each has the same time to answer; one that does not is told of, never left out.
 */

/** One replica, as its Service knows it. */
export interface ReplicaAddress {
  /** Of its Pod, where the Service tells. */
  readonly name?: string;
  /** `HOST:PORT` */
  readonly address: string;
}

/** Something that replicas know for themselves alone. */
export interface Topic<Answer> {
  readonly name: string;
  /** What this replica says; a value of JSON, or null where it knows nothing of it. @param parameter what it is asked about. */
  answer(parameter: string): Answer;
  /** What another one has said. @throws when that is no answer */
  read(answer: unknown): Answer;
}

export interface Question {
  /** Who asks; different for every process. */
  readonly replica: string;
  /** Name of a {@link Topic}. */
  readonly topic: string;
  readonly parameter: string;
}

/** What a replica answers. */
export interface ReplicaMessage {
  /** Who answers; different for every process. */
  readonly replica: string;
  readonly name: string;
  /** Undefined when it was asked by itself. */
  readonly answer?: unknown;
}

/** Asks a replica; rejects when it does not answer. */
export type AskReplica = (address: string, question: Omit<Question, 'replica'>) => Promise<ReplicaMessage>;

/** One that answered has an answer, one that did not has an error. */
export type ReplicaAnswer<Answer> =
  | { readonly name: string; readonly address?: string; readonly answer: Answer }
  | { readonly name: string; readonly address?: string; readonly error: string };

/** Whether a replica could be asked, and where it is. */
export interface ReplicaState {
  readonly name: string;
  /** `HOST:PORT`; none of the one that answers. */
  readonly address?: string;
  /** Why it could not be asked: then what it alone knows is missing. */
  readonly error?: string;
}

export interface ReplicaAnswersOptions {
  /** The name of this replica's Pod, where it has one. */
  readonly name?: string;
  /** All replicas, this one too. */
  readonly addresses: () => readonly ReplicaAddress[];
  readonly ask: AskReplica;
}

export class ReplicaAnswers {
  private readonly underWay = new Map<string, Promise<readonly ReplicaAnswer<unknown>[]>>();

  constructor(private readonly options: ReplicaAnswersOptions) {}

  /** Of all replicas but this one, by name. Who asks the same while others are being asked gets the same answers. */
  ofOthers<Answer>(topic: Topic<Answer>, parameter = ''): Promise<readonly ReplicaAnswer<Answer>[]> {
    const key = `${topic.name} ${parameter}`;
    const asked = this.underWay.get(key) ?? this.ask(topic, parameter).finally(() => this.underWay.delete(key));
    this.underWay.set(key, asked);
    return asked as Promise<readonly ReplicaAnswer<Answer>[]>;
  }

  private async ask(topic: Topic<unknown>, parameter: string): Promise<readonly ReplicaAnswer<unknown>[]> {
    const { name: own, addresses } = this.options;
    const others = addresses().filter(({ name }) => name === undefined || name !== own);
    const answers = await Promise.all(others.map((replica) => this.answerOf(replica, topic, parameter)));
    return answers.flat().sort((a, b) => (a.name < b.name ? -1 : Number(a.name > b.name)));
  }

  /** None when it is this replica itself. */
  private async answerOf(
    { name, address }: ReplicaAddress,
    topic: Topic<unknown>,
    parameter: string,
  ): Promise<ReplicaAnswer<unknown>[]> {
    try {
      const message = await this.options.ask(address, { topic: topic.name, parameter });
      if (message.answer === undefined) return [];
      return [{ name: name ?? message.name, address, answer: topic.read(message.answer) }];
    } catch (error) {
      return [{ name: name ?? address, address, error: (error as Error).message }];
    }
  }
}

/** Of one that answered, with what it answered. */
export function hasAnswered<Answer>(
  replica: ReplicaAnswer<Answer>,
): replica is Extract<ReplicaAnswer<Answer>, { answer: Answer }> {
  return 'answer' in replica;
}

export function stateOf(replica: ReplicaAnswer<unknown>): ReplicaState {
  const { name, address } = replica;
  return { name, ...(address && { address }), ...('error' in replica && { error: replica.error }) };
}

/** @throws when it is none. */
export function readReplicaMessage(bytes: Buffer): ReplicaMessage {
  const { replica, name, answer } = (JSON.parse(bytes.toString()) ?? {}) as Partial<ReplicaMessage>;
  if (typeof replica !== 'string' || typeof name !== 'string') throw new Error('no answer of a replica');
  return { replica, name, answer };
}

/** @throws when it is none. */
export function readQuestion(bytes: Buffer): Question {
  const { replica, topic, parameter } = (JSON.parse(bytes.toString()) ?? {}) as Partial<Question>;
  if (typeof replica !== 'string' || typeof topic !== 'string' || typeof parameter !== 'string')
    throw new Error('no question of a replica');
  return { replica, topic, parameter };
}
