// A mesh node in JavaScript, written from the protocol: the counterpart the C++ library is tested against.
// It sends the documented fields and nothing else, so that it behaves like any plain node of the original.
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { Redis } from 'ioredis';

class NamedError extends Error {
  get name() { return this.constructor.name; }
}
export class MeshRequestTimeoutError extends NamedError {}
export class MeshHandlerError extends NamedError {}
export class MeshNoHandlerError extends NamedError {}

const NO_HANDLER = 'MESH_NO_HANDLER:';
const STOP_DEADLINE_MS = 1000;
const MAX_DELAY_MS = 2 ** 31 - 1;   // a longer setTimeout would fire at once

const NOW = "local t = redis.call('TIME') local now = t[1] * 1000 + math.floor(t[2] / 1000) ";
const scripts = {
  // KEYS: heartbeats; ARGV: id
  meshHeartbeat: { numberOfKeys: 1, lua: `${NOW} redis.call('ZADD', KEYS[1], now, ARGV[1]) return now` },
  // KEYS: heartbeats, nodes; ARGV: ttl. Returns id, hostname, id, hostname ... of the living.
  meshNodes: { numberOfKeys: 2, lua: `${NOW}
    local result = {}
    for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. string.format('%.0f', now - ARGV[1]), '+inf')) do
      result[#result + 1] = id
      result[#result + 1] = redis.call('HGET', KEYS[2], id) or ''
    end
    return result` },
  // KEYS: heartbeats, nodes; ARGV: ttl. Returns the ids removed.
  meshCleanup: { numberOfKeys: 2, lua: `${NOW}
    local dead = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[1])
    for _, id in ipairs(dead) do
      redis.call('ZREM', KEYS[1], id)
      redis.call('HDEL', KEYS[2], id)
    end
    return dead` },
  // KEYS: lock; ARGV: token, ttl
  leaderAcquire: { numberOfKeys: 1, lua: "return redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) and 1 or 0" },
  leaderRenew: { numberOfKeys: 1, lua:
    "return redis.call('GET', KEYS[1]) == ARGV[1] and redis.call('PEXPIRE', KEYS[1], ARGV[2]) or 0" },
  leaderRelease: { numberOfKeys: 1, lua:
    "return redis.call('GET', KEYS[1]) == ARGV[1] and redis.call('DEL', KEYS[1]) or 0" },
};

class LeaderElection {
  #redis; #lock; #options; #log; #token = randomUUID(); #leaseEnd = 0; #timer; #attempt; #stopped = false;

  constructor(redis, lock, options, log) {
    this.#redis = redis;
    this.#lock = lock;
    this.#options = { ttlMs: 30000, renewalIntervalMs: 10000, retryDelayMs: 5000, ...options };
    this.#log = log;
  }

  get isLeader() { return performance.now() < this.#leaseEnd; }

  start() { return this.#attempt = this.#tryOnce(); }

  async stop() {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#leaseEnd = 0;
    await this.#attempt;
    await this.#redis.leaderRelease(this.#lock, this.#token);
  }

  async #tryOnce() {
    const { ttlMs, renewalIntervalMs, retryDelayMs } = this.#options;
    let held = false;
    try {
      const sent = performance.now();
      const command = this.isLeader ? 'leaderRenew' : 'leaderAcquire';
      held = await this.#redis[command](this.#lock, this.#token, ttlMs) === 1;
      this.#leaseEnd = held && !this.#stopped ? sent + ttlMs : 0;
    } catch (error) {
      this.#log('leader election:', error.message);   // still the leader until the lease runs out
    }
    if (!this.#stopped) this.#timer = setTimeout(() => this.start(), held ? renewalIntervalMs : retryDelayMs);
  }
}

export class MeshNode {
  #options; #keys; #lock; #log; #redis; #subscriber; #leader;
  #running = false; #instanceId = 0; #heartbeatTimer; #heartbeating = false;
  #handlers = new Map(); #broadcastHandlers = new Map(); #cleanedUp = () => {};
  #pending = new Map();           // requestId -> { type, resolve, reject, timer }
  #requestHeartbeats = new Set(); // timers of the handlers that are executing

  constructor(key, { prefix, mutexPrefix = prefix, log = console.error, ...options }) {
    const stem = `${prefix}:mesh:${key}`;
    this.#keys = { nextId: `${stem}:next_id`, heartbeats: `${stem}:heartbeats`, nodes: `${stem}:nodes`,
                   broadcast: `${stem}:broadcast`, channel: id => `${stem}:node:${id}` };
    this.#lock = `${mutexPrefix}:leader:mesh:${key}`;
    this.#options = { heartbeatIntervalMs: 5000, nodeTtlMs: 15000, requestTimeoutMs: 10000, ...options };
    this.#log = log;
  }

  get instanceId() { return this.#instanceId; }
  get isLeader() { return this.#running && this.#leader.isLeader; }

  registerHandler(type, handler) { this.#handlers.set(type, handler); }
  registerBroadcastHandler(type, handler) { this.#broadcastHandlers.set(type, handler); }
  setNodeCleanedUpCallback(callback) { this.#cleanedUp = callback; }

  async start() {
    if (this.#running) throw new Error('MeshService is already running');
    this.#running = true;
    const connect = () => new Redis({ ...this.#options.redis, scripts })
      .on('error', error => this.#log('redis:', error.message));
    this.#redis = connect();
    this.#subscriber = connect().on('message', (channel, text) => this.#onMessage(channel, text));
    this.#leader = new LeaderElection(this.#redis, this.#lock, this.#options.leaderOptions, this.#log);
    try {
      this.#instanceId = await this.#redis.incr(this.#keys.nextId);
      await this.#subscriber.subscribe(this.#keys.channel(this.#instanceId), this.#keys.broadcast);
      await this.#redis.hset(this.#keys.nodes, this.#instanceId, hostname());
      await this.#redis.meshHeartbeat(this.#keys.heartbeats, this.#instanceId);
      this.#heartbeatTimer = setInterval(() => this.#heartbeat(), this.#options.heartbeatIntervalMs);
      await this.#leader.start();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  async stop() {
    if (!this.#running) return;
    this.#running = false;
    clearInterval(this.#heartbeatTimer);
    this.#requestHeartbeats.forEach(clearInterval);
    this.#requestHeartbeats.clear();
    for (const requestId of this.#pending.keys()) this.#take(requestId).reject(new Error('MeshService stopped'));
    let deadline;
    await Promise.race([   // Redis may be gone: then nothing of this is answered
      Promise.allSettled([
        this.#leader.stop(),
        this.#subscriber.unsubscribe(),
        this.#redis.zrem(this.#keys.heartbeats, this.#instanceId),
        this.#redis.hdel(this.#keys.nodes, this.#instanceId),
      ]),
      new Promise(resolve => { deadline = setTimeout(resolve, STOP_DEADLINE_MS); }),
    ]);
    clearTimeout(deadline);
    this.#redis.disconnect();
    this.#subscriber.disconnect();
    this.#instanceId = 0;
  }

  async invoke(instanceId, type, data, { timeoutMs = this.#options.requestTimeoutMs } = {}) {
    this.#requireRunning();
    if (instanceId === this.#instanceId) {
      const handler = this.#handlers.get(type);
      if (!handler) throw new MeshNoHandlerError(`No handler registered for type: ${type}`);
      return handler(data);
    }
    const requestId = randomUUID();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#take(requestId).reject(
        new MeshRequestTimeoutError(`Request ${type} to node ${instanceId} timed out`)), Math.min(timeoutMs, MAX_DELAY_MS));
      this.#pending.set(requestId, { type, resolve, reject, timer });
      const request = { requestId, senderInstanceId: this.#instanceId, type, data, timeoutMs };
      this.#redis.publish(this.#keys.channel(instanceId), JSON.stringify(request))
        .catch(error => this.#take(requestId)?.reject(error));
    });
  }

  async broadcast(type, data, { skipSelf = false } = {}) {
    this.#requireRunning();
    const message = { broadcast: true, senderInstanceId: this.#instanceId, type, data };
    await this.#redis.publish(this.#keys.broadcast, JSON.stringify(message));
    if (!skipSelf) await this.#deliverBroadcast(message);
  }

  async getNodes() {
    this.#requireRunning();
    const flat = await this.#redis.meshNodes(this.#keys.heartbeats, this.#keys.nodes, this.#options.nodeTtlMs);
    const nodes = [];
    for (let i = 0; i < flat.length; i += 2) {
      const instanceId = Number(flat[i]);
      nodes.push({ instanceId, hostname: flat[i + 1], self: instanceId === this.#instanceId });
    }
    return nodes;
  }

  #requireRunning() {
    if (!this.#running) throw new Error('MeshService is not running');
  }

  async #heartbeat() {
    if (this.#heartbeating) return;   // the last one still waits for Redis
    this.#heartbeating = true;
    try {
      await this.#redis.meshHeartbeat(this.#keys.heartbeats, this.#instanceId);
      if (this.isLeader) await this.#cleanUp();
    } catch (error) {
      this.#log('heartbeat:', error.message);
    } finally {
      this.#heartbeating = false;
    }
  }

  async #cleanUp() {
    const dead = await this.#redis.meshCleanup(this.#keys.heartbeats, this.#keys.nodes, this.#options.nodeTtlMs);
    for (const id of dead) {
      try {
        await this.#cleanedUp(Number(id));
      } catch (error) {
        this.#log('node cleaned up callback:', error);
      }
    }
  }

  #onMessage(channel, text) {
    if (!this.#running) return;
    let message;
    try { message = JSON.parse(text); } catch { /* reported as malformed */ }
    const handled = typeof message === 'object' && message !== null && (
      channel === this.#keys.broadcast ? this.#onBroadcast(message)
        : message.heartbeat ? this.#onRequestHeartbeat(message)
        : message.reply ? this.#onResponse(message)
        : this.#onRequest(message));
    if (!handled) this.#log(`dropped a malformed message on ${channel}: ${text.slice(0, 200)}`);
  }

  #onBroadcast(message) {
    if (!message.broadcast || !Number.isInteger(message.senderInstanceId) || typeof message.type !== 'string') return false;
    if (message.senderInstanceId !== this.#instanceId) this.#deliverBroadcast(message);
    return true;
  }

  async #deliverBroadcast({ type, data, senderInstanceId }) {
    try {
      await this.#broadcastHandlers.get(type)?.(data, senderInstanceId);
    } catch (error) {
      this.#log(`broadcast handler ${type}:`, error);
    }
  }

  #onRequestHeartbeat({ requestId }) {
    this.#pending.get(requestId)?.timer.refresh();
    return typeof requestId === 'string';
  }

  #onResponse({ requestId, data, error }) {
    if (typeof requestId !== 'string' || (error !== undefined && typeof error !== 'string')) return false;
    const request = this.#take(requestId);
    if (error === undefined) request?.resolve(data);
    else if (error.startsWith(NO_HANDLER)) {
      request?.reject(new MeshNoHandlerError(`No handler registered for type: ${error.slice(NO_HANDLER.length)}`));
    } else request?.reject(new MeshHandlerError(error));
    return true;
  }

  #onRequest({ requestId, senderInstanceId, type, data, timeoutMs = this.#options.requestTimeoutMs }) {
    if (typeof requestId !== 'string' || !Number.isInteger(senderInstanceId) || typeof type !== 'string'
        || typeof timeoutMs !== 'number') return false;
    this.#serve(requestId, this.#keys.channel(senderInstanceId), type, data, timeoutMs);
    return true;
  }

  async #serve(requestId, replyChannel, type, data, timeoutMs) {
    const send = text => this.#running && this.#redis.publish(replyChannel, text)
      .catch(error => this.#log('reply:', error.message));
    const handler = this.#handlers.get(type);
    if (!handler) return send(JSON.stringify({ requestId, reply: true, error: NO_HANDLER + type }));

    const heartbeat = setInterval(() => send(JSON.stringify({ requestId, heartbeat: true })),
      Math.min(timeoutMs * 0.75, MAX_DELAY_MS));
    this.#requestHeartbeats.add(heartbeat);
    let text;
    try {
      text = JSON.stringify({ requestId, reply: true, data: await handler(data) });
    } catch (error) {
      text = JSON.stringify({ requestId, reply: true, error: error instanceof Error ? error.message : String(error) });
    } finally {
      clearInterval(heartbeat);
      this.#requestHeartbeats.delete(heartbeat);
    }
    send(text);
  }

  // Removes a pending request, so that each ends once.
  #take(requestId) {
    const request = this.#pending.get(requestId);
    this.#pending.delete(requestId);
    clearTimeout(request?.timer);
    return request;
  }
}
