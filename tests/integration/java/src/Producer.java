import com.google.common.util.concurrent.ListenableFuture;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;
import software.amazon.awssdk.services.kinesis.model.GetRecordsResponse;
import software.amazon.awssdk.services.kinesis.model.Record;
import software.amazon.awssdk.services.kinesis.model.ScalingType;
import software.amazon.awssdk.services.kinesis.model.Shard;
import software.amazon.awssdk.services.kinesis.model.ShardIteratorType;
import software.amazon.awssdk.services.kinesis.model.StreamStatus;
import software.amazon.kinesis.producer.KinesisProducer;
import software.amazon.kinesis.producer.KinesisProducerConfiguration;
import software.amazon.kinesis.producer.UserRecordResult;

/**
 * The Kinesis Producer Library, native daemon and all: TLS only (MILLRACE_TLS_ENDPOINT, whose
 * certificate it is told not to verify), aggregation on. Streams are made and read by the SDK.
 */
public final class Producer {
  private final KinesisAsyncClient client = KinesisAsyncClient.create();

  private static KinesisProducer makeProducer() {
    URI endpoint = URI.create(System.getenv("MILLRACE_TLS_ENDPOINT"));
    return new KinesisProducer(new KinesisProducerConfiguration()
        .setRegion(System.getenv("AWS_REGION"))
        .setKinesisEndpoint(endpoint.getHost())
        .setKinesisPort(endpoint.getPort())
        .setCloudwatchEndpoint(endpoint.getHost())
        .setCloudwatchPort(endpoint.getPort())
        .setStsEndpoint(endpoint.getHost())
        .setStsPort(endpoint.getPort())
        .setVerifyCertificate(false)
        .setAggregationEnabled(true)
        .setMetricsLevel("none")
        .setRecordMaxBufferedTime(50)
        .setTempDirectory(System.getProperty("java.io.tmpdir")));
  }

  private void waitActive(String name) throws Exception {
    for (int i = 0; i < 400; i++) {
      if (client.describeStreamSummary(r -> r.streamName(name)).join().streamDescriptionSummary()
          .streamStatus() == StreamStatus.ACTIVE) {
        return;
      }
      Thread.sleep(50);
    }
    throw new AssertionError(name + " did not become ACTIVE");
  }

  private List<Record> readShard(String name, String shard) throws Exception {
    String position = client.getShardIterator(r -> r.streamName(name).shardId(shard)
        .shardIteratorType(ShardIteratorType.TRIM_HORIZON)).join().shardIterator();
    List<Record> records = new ArrayList<>();
    while (position != null) {
      String here = position;
      GetRecordsResponse page = client.getRecords(r -> r.shardIterator(here)).join();
      records.addAll(page.records());
      if (page.records().isEmpty() && page.millisBehindLatest() == 0) {
        break;
      }
      position = page.nextShardIterator();
    }
    return records;
  }

  private Set<String> write(KinesisProducer producer, String name, int from, int to)
      throws Exception {
    Map<String, ListenableFuture<UserRecordResult>> sent = new HashMap<>();
    for (int i = from; i < to; i++) {
      String payload = "user record " + i;
      sent.put(payload, producer.addUserRecord(name, "key-" + i % 17,
          ByteBuffer.wrap(payload.getBytes(StandardCharsets.UTF_8))));
    }
    producer.flush();
    for (Map.Entry<String, ListenableFuture<UserRecordResult>> one : sent.entrySet()) {
      UserRecordResult result = one.getValue().get(40, TimeUnit.SECONDS);
      Cases.check(result.isSuccessful(), one.getKey() + " failed: " + result.getAttempts());
    }
    return sent.keySet();
  }

  /** Every user record that consumers would see; {aggregates} counts the records that held several. */
  private List<String> read(String name, int[] aggregates) throws Exception {
    List<String> found = new ArrayList<>();
    for (Shard shard : client.listShards(r -> r.streamName(name)).join().shards()) {
      for (Record record : readShard(name, shard.shardId())) {
        byte[] data = record.data().asByteArray();
        if (!Aggregates.isAggregate(data)) {
          found.add(record.data().asUtf8String());
          continue;
        }
        aggregates[0]++;
        for (Aggregates.UserRecord user : Aggregates.userRecords(data)) {
          if (Aggregates.belongs(user, shard.hashKeyRange())) {
            found.add(user.data());
          }
        }
      }
    }
    return found;
  }

  private void aggregateAcrossReshard() throws Exception {
    String name = "kpl-" + UUID.randomUUID();
    client.createStream(r -> r.streamName(name).shardCount(2)).join();
    waitActive(name);
    KinesisProducer producer = makeProducer();
    try {
      Set<String> before = write(producer, name, 0, 1000);
      Set<String> sent = new HashSet<>(before);
      client.updateShardCount(r -> r.streamName(name).targetShardCount(4)
          .scalingType(ScalingType.UNIFORM_SCALING)).join();
      sent.addAll(write(producer, name, 1000, 2000));
      waitActive(name);
      sent.addAll(write(producer, name, 2000, 3000));
      int[] aggregates = {0};
      List<String> found = read(name, aggregates);
      Cases.check(aggregates[0] > 0, "nothing was aggregated");
      Cases.check(new HashSet<>(found).equals(sent), "sent " + sent.size() + " user records, "
          + new HashSet<>(found).size() + " different ones are there");
      // Until it knows the new shards, the KPL sends again what it thinks went astray; before, never.
      long early = found.stream().filter(before::contains).count();
      Cases.check(early == before.size(), (early - before.size()) + " are there twice");
    } finally {
      producer.destroy();
      client.deleteStream(r -> r.streamName(name)).join();
    }
  }

  public static void main(String[] arguments) {
    Producer producer = new Producer();
    Cases cases = new Cases();
    cases.run("aggregates, reshards meanwhile, and every user record is there", 150,
        producer::aggregateAcrossReshard);
    cases.exit();
  }
}
