import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;
import java.util.stream.IntStream;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.services.kinesis.KinesisClient;
import software.amazon.awssdk.services.kinesis.model.GetRecordsResponse;
import software.amazon.awssdk.services.kinesis.model.ListShardsResponse;
import software.amazon.awssdk.services.kinesis.model.PutRecordsRequestEntry;
import software.amazon.awssdk.services.kinesis.model.Record;
import software.amazon.awssdk.services.kinesis.model.ResourceNotFoundException;
import software.amazon.awssdk.services.kinesis.model.ShardIteratorType;
import software.amazon.awssdk.services.kinesis.model.StreamStatus;

/**
 * The round trip of the AWS SDK for Java v2, synchronous client as it comes: CBOR bodies over HTTP/1.1
 * with the SDK's default HTTP client and its pool of connections. Told no more than AWS_ENDPOINT_URL.
 */
public final class SyncRoundTrip {
  private static final String SHARD = "shardId-000000000000";

  private final KinesisClient client;

  private SyncRoundTrip(KinesisClient client) {
    this.client = client;
  }

  private interface Body {
    void run(String name) throws Exception;
  }

  private void withStream(Body body) throws Exception {
    String name = "java-sync-" + UUID.randomUUID();
    client.createStream(r -> r.streamName(name).shardCount(1));
    try {
      waitActive(name);
      body.run(name);
    } finally {
      client.deleteStream(r -> r.streamName(name));
    }
  }

  private void waitActive(String name) throws Exception {
    for (int i = 0; i < 400; i++) {
      if (client.describeStreamSummary(r -> r.streamName(name)).streamDescriptionSummary()
          .streamStatus() == StreamStatus.ACTIVE) {
        return;
      }
      Thread.sleep(50);
    }
    throw new AssertionError(name + " did not become ACTIVE");
  }

  private List<Record> readShard(String name) {
    String position = client.getShardIterator(r -> r.streamName(name).shardId(SHARD)
        .shardIteratorType(ShardIteratorType.TRIM_HORIZON)).shardIterator();
    List<Record> records = new ArrayList<>();
    while (position != null) {
      String here = position;
      GetRecordsResponse page = client.getRecords(r -> r.shardIterator(here));
      records.addAll(page.records());
      if (page.records().isEmpty() && page.millisBehindLatest() == 0) {
        break;
      }
      position = page.nextShardIterator();
    }
    return records;
  }

  private void createPutGetDelete() throws Exception {
    withStream(name -> {
      byte[] bytes = new byte[256];
      IntStream.range(0, 256).forEach(i -> bytes[i] = (byte) i);
      client.putRecord(
          r -> r.streamName(name).partitionKey("ключ").data(SdkBytes.fromByteArray(bytes)));
      List<PutRecordsRequestEntry> entries = IntStream.range(0, 100).mapToObj(
          i -> PutRecordsRequestEntry.builder().partitionKey("k")
              .data(SdkBytes.fromUtf8String("" + i)).build()).toList();
      int failures = client.putRecords(r -> r.streamName(name).records(entries)).failedRecordCount();
      Cases.check(failures == 0, failures + " records failed");
      List<Record> read = readShard(name);
      Cases.check(read.size() == 101, "read " + read.size());
      Cases.check(read.get(0).partitionKey().equals("ключ"), "the key was changed");
      Cases.check(Arrays.equals(read.get(0).data().asByteArray(), bytes), "data changed");
      Cases.check(read.get(100).data().asUtf8String().equals("99"), "wrong order");
    });
  }

  private void largestRecord() throws Exception {
    withStream(name -> {
      byte[] bytes = new byte[1024 * 1024 - 1];
      Arrays.fill(bytes, (byte) 0xa5);
      client.putRecord(
          r -> r.streamName(name).partitionKey("k").data(SdkBytes.fromByteArray(bytes)));
      List<Record> read = readShard(name);
      Cases.check(read.size() == 1 && Arrays.equals(read.get(0).data().asByteArray(), bytes),
          "not what was put");
    });
  }

  private void pages() throws Exception {
    withStream(name -> {
      ListShardsResponse shards = client.listShards(r -> r.streamName(name));
      Cases.check(shards.shards().size() == 1, "shards " + shards.shards().size());
      boolean found = client.listStreamsPaginator().streamNames().stream().anyMatch(name::equals);
      Cases.check(found, "the stream is not listed");
    });
  }

  private void typedErrors() {
    try {
      client.describeStreamSummary(r -> r.streamName("java-missing"));
      throw new AssertionError("no error");
    } catch (ResourceNotFoundException error) {
      Cases.check(error.awsErrorDetails().errorMessage().contains("not found"), "" + error);
      Cases.check(error.requestId() != null, "no request id");
    }
  }

  public static void main(String[] arguments) {
    Cases cases = new Cases();
    try (KinesisClient client = KinesisClient.create()) {
      SyncRoundTrip trip = new SyncRoundTrip(client);
      cases.run("creates, puts, gets and deletes", 60, trip::createPutGetDelete);
      cases.run("puts and gets the largest record", 60, trip::largestRecord);
      cases.run("lists", 60, trip::pages);
      cases.run("raises typed errors", 30, trip::typedErrors);
    }
    cases.exit();
  }
}
