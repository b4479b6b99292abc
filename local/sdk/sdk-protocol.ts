import { createRequire } from 'node:module';
import type { ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js';

/** A message class that protoc made: set by name, because the package ships no types for them. */
export interface Message {
  [method: string]: (...values: unknown[]) => unknown;
}

/** The constructor of a message. */
export type MessageClass = new () => Message;

interface MessageModule {
  [name: string]: MessageClass;
}

interface GameServerClasses {
  GameServer: MessageClass & {
    ObjectMeta: MessageClass;
    Spec: MessageClass & { Health: MessageClass };
    Status: MessageClass & {
      Address: MessageClass;
      Port: MessageClass;
      PlayerStatus: MessageClass;
      CounterStatus: MessageClass;
      ListStatus: MessageClass;
    };
  };
}

const require = createRequire(import.meta.url);

// The adapter's edge: generated CommonJS without types. What is declared here is what protoc made of Agones 1.57's protos.
const sdkServices = require('@google-cloud/agones-sdk/lib/sdk_grpc_pb.js') as Record<string, ServiceDefinition>;
const alphaServices = require('@google-cloud/agones-sdk/lib/alpha/alpha_grpc_pb.js') as Record<
  string,
  ServiceDefinition
>;
const betaServices = require('@google-cloud/agones-sdk/lib/beta/beta_grpc_pb.js') as Record<string, ServiceDefinition>;

function service(
  services: Record<string, ServiceDefinition>,
  name: string,
): ServiceDefinition<UntypedServiceImplementation> {
  const found = services[name];
  if (found === undefined) throw new Error(`the Agones SDK package has no service ${name}`);
  return found;
}

/** The three services of the SDK server, from the package that games use to call them. */
export const SDK_SERVICE = service(sdkServices, 'agones.dev.sdk.SDK');
export const ALPHA_SERVICE = service(alphaServices, 'agones.dev.sdk.alpha.SDK');
export const BETA_SERVICE = service(betaServices, 'agones.dev.sdk.beta.SDK');

export const sdkMessages = require('@google-cloud/agones-sdk/lib/sdk_pb.js') as MessageModule & GameServerClasses;
export const betaMessages = require('@google-cloud/agones-sdk/lib/beta/beta_pb.js') as MessageModule;
export const alphaMessages = require('@google-cloud/agones-sdk/lib/alpha/alpha_pb.js') as MessageModule;
