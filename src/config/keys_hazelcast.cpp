#include "config/keys_hazelcast.h"

#include "config/key_checks.h"

namespace ox::config::keys {

const Key<bool> kHazelcastEnabled(
    {.name = "com.openexchange.hazelcast.enabled", .file = "hazelcast.properties",
     .defaultText = "true",
     .help = "Whether this node takes part in the grid at all. With false no member is started, "
     "sessions and cache invalidation stay on this node, and every bundle that needs the "
     "grid stays down and says so."});

const Key<bool> kShutdownOnOutOfMemory(
    {.name = "com.openexchange.hazelcast.shutdownOnOutOfMemory", .file = "hazelcast.properties",
     .defaultText = "false",
     .help = "In the original: stop the grid when memory runs out. Not there yet: the value is "
     "accepted and has no effect, a process without memory ends as a whole."});

const Key<std::string> kGroupName(
    {.name = "com.openexchange.hazelcast.group.name", .file = "hazelcast.properties",
     .defaultText = "",
     .help = "Name of the cluster. Nodes find each other only with the same name; the generation of "
     "the member protocol is appended (MyCluster-10.1), so nodes of another generation never "
     "mix. Mandatory as soon as join is not \"empty\".",
     .check = checkGroupName});

const Key<std::string> kGroupPassword(
    {.name = "com.openexchange.hazelcast.group.password", .file = "hazelcast.properties",
     .defaultText = "", .secret = true,
     .help = "Password that a joining node must prove to know; it never travels over the network. "
     "Empty means that whoever reaches the port and knows the name may join. Must be the "
     "same on every node."});

const Key<bool> kGroupNameAppendVersion(
    {.name = "com.openexchange.hazelcast.group.name.appendVersion",
     .file = "hazelcast.properties", .defaultText = "true",
     .help = "In one release of the original: whether the version is appended to the cluster name. "
     "Here it always is; the key is accepted for old files and has no effect."});

const Key<std::string> kLicenseKey(
    {.name = "com.openexchange.hazelcast.licenseKey", .file = "hazelcast.properties",
     .defaultText = "", .secret = true,
     .help = "License of a commercial grid in the original. Accepted for old files; nothing here "
     "needs a license and it has no effect."});

const Key<bool> kLiteMember(
    {.name = "com.openexchange.hazelcast.liteMember", .file = "hazelcast.properties",
     .defaultText = "false",
     .help = "A lite member takes part in the cluster and reads and writes all data, but holds none "
     "itself."});

const Key<std::string> kNetworkJoin(
    {.name = "com.openexchange.hazelcast.network.join", .file = "hazelcast.properties",
     .defaultText = "empty",
     .values = {"empty", "static", "multicast", "aws", "dns", "kubernetes"},
     .help = "How nodes find each other. \"empty\": this node starts alone (others that list it may "
     "still join). \"static\": the nodes listed in join.static.nodes. \"multicast\": they announce "
     "themselves to join.multicast.group. \"dns\": the addresses behind join.dns.domainNames. "
     "\"kubernetes\": the pods behind join.k8s.serviceName. \"aws\" is known but refused at start; "
     "use dns, kubernetes or static there."});

const Key<std::vector<std::string>> kStaticNodes(
    {.name = "com.openexchange.hazelcast.network.join.static.nodes",
     .file = "hazelcast.properties", .defaultText = "",
     .allowed = "comma separated list of host, host:port, IPv4, IPv6 or [IPv6]:port",
     .reloadable = true,
     .help = "The nodes of a static cluster, for example 10.0.0.15,10.0.0.16,node3.example.com:5801."
     " The own address may be in the list, so every node can use the same file. Without a "
     "port the configured port plus offset and the next two are tried. Changes take effect "
     "on reload.",
     .check = checkStaticNodes});

const Key<std::int64_t> kStaticConnectionTimeout(
    {.name = "com.openexchange.hazelcast.network.join.static.connectionTimeout",
     .file = "hazelcast.properties", .defaultText = "10", .min = 1, .max = 3600,
     .help = "Seconds that one attempt to connect to a listed node may take."});

const Key<std::string> kMulticastGroup(
    {.name = "com.openexchange.hazelcast.network.join.multicast.group",
     .file = "hazelcast.properties", .defaultText = "224.2.2.3",
     .allowed = "IPv4 multicast address 224.0.0.0..239.255.255.255",
     .help = "Multicast group with join=multicast. Announcements go through the addresses that "
     "interfaces chooses.",
     .check = checkMulticastGroup});

const Key<std::int64_t> kMulticastPort(
    {.name = "com.openexchange.hazelcast.network.join.multicast.port",
     .file = "hazelcast.properties", .defaultText = "54327", .min = 1, .max = 65535,
     .help = "UDP port with join=multicast."});

const Key<std::string> kAwsAccessKey(
    {.name = "com.openexchange.hazelcast.network.join.aws.accessKey",
     .file = "hazelcast.properties", .defaultText = "", .secret = true,
     .help = "Access key with join=aws, which is refused at start: use dns, kubernetes or static."});

const Key<std::string> kAwsSecretKey(
    {.name = "com.openexchange.hazelcast.network.join.aws.secretKey",
     .file = "hazelcast.properties", .defaultText = "", .secret = true,
     .help = "Secret key with join=aws, which is refused at start."});

const Key<std::string> kAwsRegion(
    {.name = "com.openexchange.hazelcast.network.join.aws.region", .file = "hazelcast.properties",
     .defaultText = "us-west-1",
     .help = "Region with join=aws, which is refused at start."});

const Key<std::string> kAwsHostHeader(
    {.name = "com.openexchange.hazelcast.network.join.aws.hostHeader",
     .file = "hazelcast.properties", .defaultText = "ec2.amazonaws.com",
     .help = "Service host with join=aws, which is refused at start."});

const Key<std::string> kAwsTagKey(
    {.name = "com.openexchange.hazelcast.network.join.aws.tagKey", .file = "hazelcast.properties",
     .defaultText = "type",
     .help = "Instances carrying this tag are members with join=aws, which is refused at start."});

const Key<std::string> kAwsTagValue(
    {.name = "com.openexchange.hazelcast.network.join.aws.tagValue",
     .file = "hazelcast.properties", .defaultText = "hz-nodes",
     .help = "Value that the tag must have with join=aws, which is refused at start."});

const Key<std::vector<std::string>> kDnsDomainNames(
    {.name = "com.openexchange.hazelcast.network.join.dns.domainNames",
     .file = "hazelcast.properties", .defaultText = "", .reloadable = true,
     .help = "Names whose addresses are the members with join=dns: grid.example.com leads to A "
     "records (and AAAA with enableIPv6Support), tried at port plus offset and the next two; "
     "_hazelcast._tcp.example.com leads to SRV records, which carry the port. Names without a dot "
     "are completed by the search domains of the system."});

const Key<std::string> kDnsResolverHost(
    {.name = "com.openexchange.hazelcast.network.join.dns.resolverHost",
     .file = "hazelcast.properties", .defaultText = "", .reloadable = true,
     .help = "Name server to ask with join=dns or kubernetes; empty means those of the system."});

const Key<std::int64_t> kDnsResolverPort(
    {.name = "com.openexchange.hazelcast.network.join.dns.resolverPort",
     .file = "hazelcast.properties", .defaultText = "-1", .stockText = "53", .min = -1,
     .max = 65535, .reloadable = true,
     .help = "Port of that name server; -1 is the usual port 53."});

const Key<std::int64_t> kDnsRefreshMillis(
    {.name = "com.openexchange.hazelcast.network.join.dns.refreshMillis",
     .file = "hazelcast.properties", .defaultText = "60000", .min = 1000, .max = 86400000,
     .reloadable = true,
     .help = "Milliseconds between two look-ups with join=dns or kubernetes. While this node is "
     "alone, or a name cannot be resolved, it looks every two seconds."});

const Key<Millis> kMergeFirstRunDelay(
    {.name = "com.openexchange.hazelcast.merge.firstRunDelay", .file = "hazelcast.properties",
     .defaultText = "120s", .min = 1000, .max = 86400000,
     .help = "How long a node waits after its start before it unites with another cluster of the "
     "same name when both hold data (the halves of a cluster that was split). Two clusters of which "
     "one holds nothing unite at once."});

const Key<Millis> kMergeRunDelay(
    {.name = "com.openexchange.hazelcast.merge.runDelay", .file = "hazelcast.properties",
     .defaultText = "120s", .min = 1000, .max = 86400000,
     .help = "How often it looks again afterwards."});

const Key<std::vector<std::string>> kNetworkInterfaces(
    {.name = "com.openexchange.hazelcast.network.interfaces", .file = "hazelcast.properties",
     .defaultText = "127.0.0.1",
     .allowed = "comma separated list of IP addresses; a part may be * or a range such as 10-20",
     .help = "On which of its addresses the node listens for other members, as patterns: 10.0.0.*, "
     "10.0.0.10-20, 2001:db8:*:*:*:*:*:*. The first address of the machine that matches is "
     "used and announced; no match stops the start. Absent means 127.0.0.1, present but "
     "empty means every address.",
     .check = checkInterfaces});

const Key<std::int64_t> kNetworkPort(
    {.name = "com.openexchange.hazelcast.network.port", .file = "hazelcast.properties",
     .defaultText = "5701", .min = 1, .max = 65535,
     .help = "Base of the port for other members; the offset is added."});

const Key<std::string> kNetworkPortOffset(
    {.name = "com.openexchange.hazelcast.network.portOffset", .file = "hazelcast.properties",
     .type = "string", .defaultText = "auto", .allowed = "auto|0..65534",
     .help = "Added to the base port. \"auto\" is 10, which no earlier generation of the product used,"
     " so that old and new nodes on one machine or in one list never meet; 0 takes the port "
     "as it is.",
     .check = checkPortOffset});

const Key<bool> kNetworkPortAutoIncrement(
    {.name = "com.openexchange.hazelcast.network.portAutoIncrement",
     .file = "hazelcast.properties", .defaultText = "true",
     .help = "Whether a busy port makes the node try the following ones (up to 100). With false a "
     "busy port stops the start."});

const Key<std::vector<std::string>> kOutboundPortDefinitions(
    {.name = "com.openexchange.hazelcast.network.outboundPortDefinitions",
     .file = "hazelcast.properties", .defaultText = "",
     .allowed = "comma separated ports and ranges such as 35000-35100",
     .help = "Local ports for connections to other members, for strict firewalls. Empty lets the "
     "system choose. One port serves connections to several members; towards one member each "
     "needs its own, so give at least two for each data shard and two more.",
     .check = checkPortRanges});

const Key<bool> kEnableIPv6(
    {.name = "com.openexchange.hazelcast.network.enableIPv6Support",
     .file = "hazelcast.properties", .defaultText = "false",
     .help = "Whether IPv6 addresses of this machine and of listed names are used."});

const Key<bool> kSocketBindAny(
    {.name = "com.openexchange.hazelcast.socket.bindAny", .file = "hazelcast.properties",
     .defaultText = "false",
     .help = "Whether the member port is bound on every address although the interfaces name one. "
     "The announced address is still the one that the interfaces choose."});

const Key<bool> kSymmetricEncryption(
    {.name = "com.openexchange.hazelcast.network.symmetricEncryption",
     .file = "hazelcast.properties", .defaultText = "false",
     .help = "Encrypts the member traffic with a key made of password and salt below: TLS 1.3 with "
     "TLS_AES_256_GCM_SHA384 and no certificates. Must be equal on all nodes; an encrypted and a "
     "plain node refuse each other. Not used when ssl is true. See docs/operating/encryption.md."});

const Key<std::string> kSymmetricAlgorithm(
    {.name = "com.openexchange.hazelcast.network.symmetricEncryption.algorithm",
     .file = "hazelcast.properties", .defaultText = "TLS_AES_256_GCM_SHA384",
     .help = "Cipher of the symmetric encryption. There is one; the names of the original "
     "(PBEWithMD5AndDES, DES/ECB/PKCS5Padding, Blowfish, DESede, AES) are accepted with a WARN that "
     "says so, since most of them are broken."});

const Key<std::string> kSymmetricSalt(
    {.name = "com.openexchange.hazelcast.network.symmetricEncryption.salt",
     .file = "hazelcast.properties", .defaultText = "", .secret = true,
     .help = "Salt of the key of the symmetric encryption: any text, the same on every node."});

const Key<std::string> kSymmetricPassword(
    {.name = "com.openexchange.hazelcast.network.symmetricEncryption.password",
     .file = "hazelcast.properties", .defaultText = "", .secret = true,
     .help = "Password of the symmetric encryption, the same on every node. Take a long random one "
     "(openssl rand -base64 32): who records the traffic may try passwords at leisure."});

const Key<std::int64_t> kSymmetricIterationCount(
    {.name = "com.openexchange.hazelcast.network.symmetricEncryption.iterationCount",
     .file = "hazelcast.properties", .defaultText = "100000", .min = 1, .max = 10000000,
     .help = "Rounds of PBKDF2-HMAC-SHA256 that make the key of password and salt, the same on every "
     "node. Fewer than 100000 are raised to 100000 with a WARN."});

const Key<bool> kGridSsl(
    {.name = "com.openexchange.hazelcast.network.ssl", .file = "hazelcast.properties",
     .defaultText = "false",
     .help = "TLS between members, with certificates on both sides; wins over the symmetric "
     "encryption. Must be equal on all nodes; an encrypted and a plain node refuse each other. See "
     "docs/operating/encryption.md."});

const Key<std::vector<std::string>> kGridSslProtocols(
    {.name = "com.openexchange.hazelcast.network.ssl.protocols", .file = "hazelcast.properties",
     .defaultText = "TLSv1.3", .reloadable = true,
     .help = "Versions of TLS. As in the original the list is read from its end and the first usable "
     "name wins: TLSv1.3 (or TLS), or TLSv1.2. When TLSv1.3 wins, TLSv1.2 is spoken as well if it is "
     "listed, too. SSL, TLSv1 and TLSv1.1 are never used."});

const Key<std::string> kGridSslTrustStore(
    {.name = "com.openexchange.hazelcast.network.ssl.trustStore", .file = "hazelcast.properties",
     .defaultText = "", .reloadable = true,
     .help = "File with the certificates of the issuers whose members are trusted, PEM or PKCS12; "
     "needed with ssl. Relative to the configuration directory, or absolute. The file is read again "
     "on every reload; links made from then on use it."});

const Key<std::string> kGridSslTrustStorePassword(
    {.name = "com.openexchange.hazelcast.network.ssl.trustStorePassword",
     .file = "hazelcast.properties", .defaultText = "", .reloadable = true, .secret = true,
     .help = "Password of the trust store."});

const Key<std::string> kGridSslTrustStoreType(
    {.name = "com.openexchange.hazelcast.network.ssl.trustStoreType",
     .file = "hazelcast.properties", .defaultText = "", .reloadable = true,
     .help = "Format of the trust store. The content decides, so that it may stay empty; a name that "
     "contradicts it is a WARN. JKS files are refused with the command that converts them."});

const Key<std::string> kGridSslTrustManagerAlgorithm(
    {.name = "com.openexchange.hazelcast.network.ssl.trustManagerAlgorithm",
     .file = "hazelcast.properties", .defaultText = "", .reloadable = true,
     .help = "Java's name for how certificates are judged. Accepted without effect: chains are "
     "verified by OpenSSL."});

const Key<std::string> kGridSslKeyStore(
    {.name = "com.openexchange.hazelcast.network.ssl.keyStore", .file = "hazelcast.properties",
     .defaultText = "", .reloadable = true,
     .help = "File with the private key of this node, its certificate and the certificates of its "
     "issuers, PEM or PKCS12; needed with ssl. Relative to the configuration directory, or absolute. "
     "Read again on every reload."});

const Key<std::string> kGridSslKeyStorePassword(
    {.name = "com.openexchange.hazelcast.network.ssl.keyStorePassword",
     .file = "hazelcast.properties", .defaultText = "", .reloadable = true, .secret = true,
     .help = "Password of the key store, or of the encrypted key in a PEM file."});

const Key<std::string> kGridSslKeyStoreType(
    {.name = "com.openexchange.hazelcast.network.ssl.keyStoreType",
     .file = "hazelcast.properties", .defaultText = "", .reloadable = true,
     .help = "Format of the key store; see trustStoreType."});

const Key<std::string> kGridSslKeyManagerAlgorithm(
    {.name = "com.openexchange.hazelcast.network.ssl.keyManagerAlgorithm",
     .file = "hazelcast.properties", .defaultText = "", .reloadable = true,
     .help = "Java's name for how the key is chosen. Accepted without effect: the key store's key is "
     "used."});

const Key<bool> kHazelcastLogging(
    {.name = "com.openexchange.hazelcast.logging.enabled", .file = "hazelcast.properties",
     .defaultText = "true",
     .help = "Whether the grid writes its information records to the log of the node. Warnings and "
     "errors are always written. Not there yet: false has no effect yet."});

const Key<std::string> kHealthMonitorLevel(
    {.name = "com.openexchange.hazelcast.healthMonitorLevel", .file = "hazelcast.properties",
     .defaultText = "silent", .values = {"off", "silent", "noisy"},
     .help = "How much the health monitor of the grid logs. Not there yet: the value is checked and "
     "has no effect; the same figures are metrics."});

const Key<std::int64_t> kMaxOperationTimeout(
    {.name = "com.openexchange.hazelcast.maxOperationTimeout", .file = "hazelcast.properties",
     .defaultText = "30000", .min = 100, .max = 3600000,
     .help = "Milliseconds after which the caller of a grid operation gets an answer in any case. A "
     "write that timed out is reported as indeterminate: it may or may not have been "
     "applied."});

const Key<bool> kHazelcastJmx(
    {.name = "com.openexchange.hazelcast.jmx", .file = "hazelcast.properties",
     .defaultText = "true",
     .help = "Whether the grid registers its managed beans, which \"showruntimestats -c\" prints. Not "
     "there yet: they are always registered."});

const Key<bool> kHazelcastJmxDetailed(
    {.name = "com.openexchange.hazelcast.jmxDetailed", .file = "hazelcast.properties",
     .defaultText = "false",
     .help = "More detailed beans in old releases of the original. Accepted for old files and "
     "without effect."});

const Key<bool> kMemcacheEnabled(
    {.name = "com.openexchange.hazelcast.memcache.enabled", .file = "hazelcast.properties",
     .defaultText = "false",
     .help = "The memcache protocol on the member port. Not there yet: accepted and without effect."});

const Key<bool> kRestEnabled(
    {.name = "com.openexchange.hazelcast.rest.enabled", .file = "hazelcast.properties",
     .defaultText = "false",
     .help = "The REST protocol on the member port. Not there yet: accepted and without effect."});

const Key<std::vector<std::string>> kClientNodes(
    {.name = "com.openexchange.hazelcast.network.client.nodes", .file = "hazelcast.properties",
     .defaultText = "",
     .allowed = "comma separated list of host, host:port, IPv4, IPv6 or [IPv6]:port",
     .help = "Nodes of an older cluster that an upgrade bridge (cluster-upgrade-from-...) keeps informed, "
     "beside those of network.join.static.nodes. Without such a bundle nobody reads it.",
     .check = checkStaticNodes});

const Key<std::string> kClientPort(
    {.name = "com.openexchange.hazelcast.network.client.port", .file = "hazelcast.properties",
     .type = "string", .defaultText = "auto", .allowed = "auto|1..65535",
     .help = "Port of the older cluster's nodes; auto = network.port without the offset. A port in "
     "client.nodes itself wins.",
     .check = checkAutoPort});

const Key<std::int64_t> kHeartbeatIntervalSeconds(
    {.name = "hazelcast.heartbeat.interval.seconds", .file = "hazelcast.properties",
     .defaultText = "1", .min = 1, .max = 3600, .ours = true,
     .help = "Seconds between two signs of life to every other member."});

const Key<std::int64_t> kMaxNoHeartbeatSeconds(
    {.name = "hazelcast.max.no.heartbeat.seconds", .file = "hazelcast.properties",
     .defaultText = "10", .min = 2, .max = 86400, .ours = true,
     .help = "Seconds of silence after which a member counts as dead at the latest and its data is "
     "served from the backups. With steady heartbeats it is noticed after about four of them, a dead "
     "process whose port refuses at once. Must be greater than the interval."});

const Key<std::int64_t> kPartitionCount(
    {.name = "hazelcast.partition.count", .file = "hazelcast.properties", .defaultText = "271",
     .min = 1, .max = 5000, .ours = true,
     .help = "Into how many partitions all keys are divided. Must be the same on every node; a "
     "difference is refused when joining."});

const Key<std::int64_t> kGracefulShutdownMaxWait(
    {.name = "hazelcast.graceful.shutdown.max.wait", .file = "hazelcast.properties",
     .defaultText = "10", .min = 0, .max = 3600, .ours = true,
     .help = "Seconds that a stopping node may take to hand its data over to the others before it "
     "leaves."});

const Key<std::int64_t> kMigrationMaxMib(
    {.name = "hazelcast.migration.max.mib.per.second", .file = "hazelcast.properties",
     .defaultText = "0", .min = 0, .max = 1000000, .ours = true,
     .help = "MiB a second that this node sends at most while partitions are copied to other nodes "
     "(a node joins, stops or has missed writes); 0 = as fast as it goes. With a limit one copy "
     "runs at a time per shard, so that requests meanwhile are answered sooner; until the copies "
     "are complete there are fewer of them."});

}  // namespace ox::config::keys
