import java.net.URI;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.IntStream;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.http.Protocol;
import software.amazon.awssdk.http.SdkHttpConfigurationOption;
import software.amazon.awssdk.http.nio.netty.NettyNioAsyncHttpClient;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClientBuilder;
import software.amazon.awssdk.services.kinesis.model.ConsumerStatus;
import software.amazon.awssdk.services.kinesis.model.GetRecordsResponse;
import software.amazon.awssdk.services.kinesis.model.PutRecordResponse;
import software.amazon.awssdk.services.kinesis.model.PutRecordsRequestEntry;
import software.amazon.awssdk.services.kinesis.model.Record;
import software.amazon.awssdk.services.kinesis.model.ResourceNotFoundException;
import software.amazon.awssdk.services.kinesis.model.ScalingType;
import software.amazon.awssdk.services.kinesis.model.Shard;
import software.amazon.awssdk.services.kinesis.model.ShardIteratorType;
import software.amazon.awssdk.services.kinesis.model.StreamDescriptionSummary;
import software.amazon.awssdk.services.kinesis.model.StreamStatus;
import software.amazon.awssdk.services.kinesis.model.SubscribeToShardEvent;
import software.amazon.awssdk.services.kinesis.model.SubscribeToShardResponseHandler;

/**
 * The round trip of the AWS SDK for Java v2, asynchronous client as it comes: CBOR bodies, HTTP/2 by
 * prior knowledge, in clear text and in TLS without ALPN. It is told no more than AWS_ENDPOINT_URL;
 * for https, whose certificate is self-signed here, the client is told to trust it.
 */
public final class RoundTrip {
  private static final String SHARD = "shardId-000000000000";

  private final KinesisAsyncClient client;

  private RoundTrip(KinesisAsyncClient client) {
    this.client = client;
  }

  private static KinesisAsyncClient makeClient() {
    KinesisAsyncClientBuilder builder = KinesisAsyncClient.builder();
    if (URI.create(System.getenv("AWS_ENDPOINT_URL")).getScheme().equals("https")) {
      // The service's own choice of protocol, which a client given by hand would otherwise lose.
      builder.httpClient(NettyNioAsyncHttpClient.builder().buildWithDefaults(
          software.amazon.awssdk.utils.AttributeMap.builder()
              .put(SdkHttpConfigurationOption.PROTOCOL, Protocol.HTTP2)
              .put(SdkHttpConfigurationOption.TRUST_ALL_CERTIFICATES, true)
              .build()));
    }
    return builder.build();
  }

  private StreamDescriptionSummary waitActive(String name) throws Exception {
    for (int i = 0; i < 400; i++) {
      StreamDescriptionSummary summary = client.describeStreamSummary(r -> r.streamName(name)).join()
          .streamDescriptionSummary();
      if (summary.streamStatus() == StreamStatus.ACTIVE) {
        return summary;
      }
      Thread.sleep(50);
    }
    throw new AssertionError(name + " did not become ACTIVE");
  }

  private interface Body {
    void run(String name, StreamDescriptionSummary summary) throws Exception;
  }

  private void withStream(int shards, Body body) throws Exception {
    String name = "java-" + UUID.randomUUID();
    client.createStream(r -> r.streamName(name).shardCount(shards)).join();
    try {
      body.run(name, waitActive(name));
    } finally {
      client.deleteStream(r -> r.streamName(name).enforceConsumerDeletion(true)).join();
    }
  }

  private PutRecordResponse put(String name, String key, String data) {
    return client.putRecord(
        r -> r.streamName(name).partitionKey(key).data(SdkBytes.fromUtf8String(data))).join();
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

  private void createPutGetDelete() throws Exception {
    withStream(1, (name, summary) -> {
      byte[] bytes = new byte[256];
      IntStream.range(0, 256).forEach(i -> bytes[i] = (byte) i);
      client.putRecord(r -> r.streamName(name).partitionKey("ключ")
          .data(SdkBytes.fromByteArray(bytes))).join();
      List<PutRecordsRequestEntry> entries = IntStream.range(0, 100).mapToObj(
          i -> PutRecordsRequestEntry.builder().partitionKey("k")
              .data(SdkBytes.fromUtf8String("" + i)).build()).toList();
      int failures = client.putRecords(r -> r.streamName(name).records(entries)).join()
          .failedRecordCount();
      Cases.check(failures == 0, failures + " records failed");
      List<Record> read = readShard(name, SHARD);
      Cases.check(read.size() == 101, "read " + read.size());
      Cases.check(read.get(0).partitionKey().equals("ключ"), "the key was changed");
      Cases.check(java.util.Arrays.equals(read.get(0).data().asByteArray(), bytes), "data changed");
      Cases.check(read.get(100).data().asUtf8String().equals("99"), "wrong order");
      long age = System.currentTimeMillis() - read.get(0).approximateArrivalTimestamp().toEpochMilli();
      Cases.check(Math.abs(age) < 60_000, "arrived " + age + " ms ago");
    });
  }

  private void typedErrors() {
    try {
      client.describeStreamSummary(r -> r.streamName("java-missing")).join();
      throw new AssertionError("no error");
    } catch (CompletionException error) {
      Cases.check(error.getCause() instanceof ResourceNotFoundException, "got " + error.getCause());
      ResourceNotFoundException cause = (ResourceNotFoundException) error.getCause();
      Cases.check(cause.awsErrorDetails().errorMessage().contains("not found"), "" + cause);
      Cases.check(cause.requestId() != null, "no request id");
    }
  }

  private void subscribe() throws Exception {
    withStream(1, (name, summary) -> {
      String arn = client.registerStreamConsumer(
          r -> r.streamARN(summary.streamARN()).consumerName("c")).join().consumer().consumerARN();
      while (client.describeStreamConsumer(r -> r.consumerARN(arn)).join().consumerDescription()
          .consumerStatus() != ConsumerStatus.ACTIVE) {
        Thread.sleep(50);
      }
      put(name, "k", "before");
      LinkedBlockingQueue<String> seen = new LinkedBlockingQueue<>();
      CompletableFuture<Void> subscription = client.subscribeToShard(
          r -> r.consumerARN(arn).shardId(SHARD)
              .startingPosition(p -> p.type(ShardIteratorType.TRIM_HORIZON)),
          SubscribeToShardResponseHandler.builder()
              .subscriber(event -> {
                if (event instanceof SubscribeToShardEvent data) {
                  data.records().forEach(record -> seen.add(record.data().asUtf8String()));
                }
              })
              .onError(error -> seen.add("error: " + error))
              .build());
      String first = seen.poll(20, TimeUnit.SECONDS);
      Cases.check("before".equals(first), "first was " + first);
      put(name, "k", "after");
      String second = seen.poll(20, TimeUnit.SECONDS);
      Cases.check("after".equals(second), "second was " + second);
      subscription.cancel(true);
    });
  }

  private void reshardWhileWriting() throws Exception {
    withStream(2, (name, summary) -> {
      Ledger ledger = new Ledger();
      AtomicBoolean stopped = new AtomicBoolean();
      List<CompletableFuture<Void>> writers = IntStream.range(0, 4)
          .mapToObj(i -> CompletableFuture.runAsync(() -> write(name, i, ledger, stopped))).toList();
      try {
        for (int target : new int[] {4, 2, 3}) {
          client.updateShardCount(r -> r.streamName(name).targetShardCount(target)
              .scalingType(ScalingType.UNIFORM_SCALING)).join();
          waitActive(name);
          Thread.sleep(150);
        }
      } finally {
        stopped.set(true);
      }
      writers.forEach(CompletableFuture::join);
      List<Shard> shards = client.listShards(r -> r.streamName(name)).join().shards();
      Map<String, List<Record>> read = new HashMap<>();
      for (Shard shard : shards) {
        read.put(shard.shardId(), readShard(name, shard.shardId()));
      }
      Cases.check(ledger.size() > 50, "only " + ledger.size() + " records were acknowledged");
      ledger.check(shards, read);
    });
  }

  private void write(String name, int writer, Ledger ledger, AtomicBoolean stopped) {
    for (int i = 0; !stopped.get(); i++) {
      String payload = writer + ":" + i;
      PutRecordResponse answer = put(name, "writer-" + writer, payload);
      ledger.acknowledge(writer, payload, answer.shardId(), answer.sequenceNumber());
      try {
        Thread.sleep(5);
      } catch (InterruptedException interrupted) {
        return;
      }
    }
  }

  public static void main(String[] arguments) {
    RoundTrip trip = new RoundTrip(makeClient());
    Cases cases = new Cases();
    cases.run("creates, puts, gets and deletes", 60, trip::createPutGetDelete);
    cases.run("raises typed errors", 30, trip::typedErrors);
    cases.run("subscribes to a shard", 60, trip::subscribe);
    cases.run("reshards while writing and loses nothing", 60, trip::reshardWhileWriting);
    cases.exit();
  }
}
