// Keys: hazelcast.properties and hazelcast/*.properties (the grid: cluster, network, secrets).
// Each constant is declared once; what it means, its type, range and default is in the .cpp.
#pragma once

#include "config/key.h"

namespace ox::config::keys {

extern const Key<bool> kHazelcastEnabled;  // com.openexchange.hazelcast.enabled
extern const Key<bool> kShutdownOnOutOfMemory;  // com.openexchange.hazelcast.shutdownOnOutOfMemory
extern const Key<std::string> kGroupName;  // com.openexchange.hazelcast.group.name
extern const Key<std::string> kGroupPassword;  // com.openexchange.hazelcast.group.password
extern const Key<bool> kGroupNameAppendVersion;
//   com.openexchange.hazelcast.group.name.appendVersion
extern const Key<std::string> kLicenseKey;  // com.openexchange.hazelcast.licenseKey
extern const Key<bool> kLiteMember;  // com.openexchange.hazelcast.liteMember
extern const Key<std::string> kNetworkJoin;  // com.openexchange.hazelcast.network.join
extern const Key<std::vector<std::string>> kStaticNodes;
//   com.openexchange.hazelcast.network.join.static.nodes
extern const Key<std::int64_t> kStaticConnectionTimeout;
//   com.openexchange.hazelcast.network.join.static.connectionTimeout
extern const Key<std::string> kMulticastGroup;
//   com.openexchange.hazelcast.network.join.multicast.group
extern const Key<std::int64_t> kMulticastPort;
//   com.openexchange.hazelcast.network.join.multicast.port
extern const Key<std::string> kAwsAccessKey;
//   com.openexchange.hazelcast.network.join.aws.accessKey
extern const Key<std::string> kAwsSecretKey;
//   com.openexchange.hazelcast.network.join.aws.secretKey
extern const Key<std::string> kAwsRegion;  // com.openexchange.hazelcast.network.join.aws.region
extern const Key<std::string> kAwsHostHeader;
//   com.openexchange.hazelcast.network.join.aws.hostHeader
extern const Key<std::string> kAwsTagKey;  // com.openexchange.hazelcast.network.join.aws.tagKey
extern const Key<std::string> kAwsTagValue;  // com.openexchange.hazelcast.network.join.aws.tagValue
extern const Key<std::vector<std::string>> kDnsDomainNames;
//   com.openexchange.hazelcast.network.join.dns.domainNames
extern const Key<std::string> kDnsResolverHost;
//   com.openexchange.hazelcast.network.join.dns.resolverHost
extern const Key<std::int64_t> kDnsResolverPort;
//   com.openexchange.hazelcast.network.join.dns.resolverPort
extern const Key<std::int64_t> kDnsRefreshMillis;
//   com.openexchange.hazelcast.network.join.dns.refreshMillis
extern const Key<Millis> kMergeFirstRunDelay;  // com.openexchange.hazelcast.merge.firstRunDelay
extern const Key<Millis> kMergeRunDelay;  // com.openexchange.hazelcast.merge.runDelay
extern const Key<std::vector<std::string>> kNetworkInterfaces;
//   com.openexchange.hazelcast.network.interfaces
extern const Key<std::int64_t> kNetworkPort;  // com.openexchange.hazelcast.network.port
extern const Key<std::string> kNetworkPortOffset;  // com.openexchange.hazelcast.network.portOffset
extern const Key<bool> kNetworkPortAutoIncrement;
//   com.openexchange.hazelcast.network.portAutoIncrement
extern const Key<std::vector<std::string>> kOutboundPortDefinitions;
//   com.openexchange.hazelcast.network.outboundPortDefinitions
extern const Key<bool> kEnableIPv6;  // com.openexchange.hazelcast.network.enableIPv6Support
extern const Key<bool> kSocketBindAny;  // com.openexchange.hazelcast.socket.bindAny
extern const Key<bool> kSymmetricEncryption;
//   com.openexchange.hazelcast.network.symmetricEncryption
extern const Key<std::string> kSymmetricAlgorithm;
//   com.openexchange.hazelcast.network.symmetricEncryption.algorithm
extern const Key<std::string> kSymmetricSalt;
//   com.openexchange.hazelcast.network.symmetricEncryption.salt
extern const Key<std::string> kSymmetricPassword;
//   com.openexchange.hazelcast.network.symmetricEncryption.password
extern const Key<std::int64_t> kSymmetricIterationCount;
//   com.openexchange.hazelcast.network.symmetricEncryption.iterationCount
extern const Key<bool> kGridSsl;  // com.openexchange.hazelcast.network.ssl
extern const Key<std::vector<std::string>> kGridSslProtocols;
//   com.openexchange.hazelcast.network.ssl.protocols
extern const Key<std::string> kGridSslTrustStore;
//   com.openexchange.hazelcast.network.ssl.trustStore
extern const Key<std::string> kGridSslTrustStorePassword;
//   com.openexchange.hazelcast.network.ssl.trustStorePassword
extern const Key<std::string> kGridSslTrustStoreType;
//   com.openexchange.hazelcast.network.ssl.trustStoreType
extern const Key<std::string> kGridSslTrustManagerAlgorithm;
//   com.openexchange.hazelcast.network.ssl.trustManagerAlgorithm
extern const Key<std::string> kGridSslKeyStore;  // com.openexchange.hazelcast.network.ssl.keyStore
extern const Key<std::string> kGridSslKeyStorePassword;
//   com.openexchange.hazelcast.network.ssl.keyStorePassword
extern const Key<std::string> kGridSslKeyStoreType;
//   com.openexchange.hazelcast.network.ssl.keyStoreType
extern const Key<std::string> kGridSslKeyManagerAlgorithm;
//   com.openexchange.hazelcast.network.ssl.keyManagerAlgorithm
extern const Key<bool> kHazelcastLogging;  // com.openexchange.hazelcast.logging.enabled
extern const Key<std::string> kHealthMonitorLevel;  // com.openexchange.hazelcast.healthMonitorLevel
extern const Key<std::int64_t> kMaxOperationTimeout;
//   com.openexchange.hazelcast.maxOperationTimeout
extern const Key<bool> kHazelcastJmx;  // com.openexchange.hazelcast.jmx
extern const Key<bool> kHazelcastJmxDetailed;  // com.openexchange.hazelcast.jmxDetailed
extern const Key<bool> kMemcacheEnabled;  // com.openexchange.hazelcast.memcache.enabled
extern const Key<bool> kRestEnabled;  // com.openexchange.hazelcast.rest.enabled
extern const Key<std::vector<std::string>> kClientNodes;
//   com.openexchange.hazelcast.network.client.nodes
extern const Key<std::string> kClientPort;  // com.openexchange.hazelcast.network.client.port
extern const Key<std::int64_t> kHeartbeatIntervalSeconds;  // hazelcast.heartbeat.interval.seconds
extern const Key<std::int64_t> kMaxNoHeartbeatSeconds;  // hazelcast.max.no.heartbeat.seconds
extern const Key<std::int64_t> kPartitionCount;  // hazelcast.partition.count
extern const Key<std::int64_t> kGracefulShutdownMaxWait;  // hazelcast.graceful.shutdown.max.wait
extern const Key<std::int64_t> kMigrationMaxMib;  // hazelcast.migration.max.mib.per.second
extern const Key<std::string> kMapName;  // com.openexchange.hazelcast.configuration.map.name
extern const Key<std::int64_t> kMapBackupCount;
//   com.openexchange.hazelcast.configuration.map.backupCount
extern const Key<std::int64_t> kMapAsyncBackupCount;
//   com.openexchange.hazelcast.configuration.map.asyncBackupCount
extern const Key<bool> kMapReadBackupData;
//   com.openexchange.hazelcast.configuration.map.readBackupData
extern const Key<std::int64_t> kMapTimeToLiveSeconds;
//   com.openexchange.hazelcast.configuration.map.timeToLiveSeconds
extern const Key<std::int64_t> kMapMaxIdleSeconds;
//   com.openexchange.hazelcast.configuration.map.maxIdleSeconds
extern const Key<std::vector<std::string>> kMapIndexesAttributes;
//   com.openexchange.hazelcast.configuration.map.indexes.attributes
extern const Key<std::vector<std::string>> kMapIndexesOrderedAttributes;
//   com.openexchange.hazelcast.configuration.map.indexes.orderedAttributes
extern const Key<std::string> kMapMergePolicy;
//   com.openexchange.hazelcast.configuration.map.mergePolicy
extern const Key<std::int64_t> kMapMinClusterSize;
//   com.openexchange.hazelcast.configuration.map.minClusterSize
extern const Key<std::string> kMapMinClusterSizeProtects;
//   com.openexchange.hazelcast.configuration.map.minClusterSizeProtects
extern const Key<bool> kMapDiscardable;  // com.openexchange.hazelcast.configuration.map.discardable
extern const Key<std::int64_t> kGridMaxBytes;  // com.openexchange.hazelcast.maxBytes
extern const Key<std::int64_t> kGridDiscardableMaxBytes;
//   com.openexchange.hazelcast.discardableMaxBytes
extern const Key<std::int64_t> kGridTombstoneSeconds;  // com.openexchange.hazelcast.tombstoneSeconds
extern const Key<std::string> kMapEvictionPolicy;
//   com.openexchange.hazelcast.configuration.map.evictionPolicy
extern const Key<std::string> kMapMaxSizePolicy;
//   com.openexchange.hazelcast.configuration.map.maxSizePolicy
extern const Key<std::int64_t> kMapMaxSize;  // com.openexchange.hazelcast.configuration.map.maxSize

}  // namespace ox::config::keys
