import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import software.amazon.awssdk.services.kinesis.model.Record;
import software.amazon.awssdk.services.kinesis.model.Shard;

/** What writers were told, against what readers find. Acknowledge from any thread. */
final class Ledger {
  record Place(String shard, BigInteger sequence) {}

  private record Entry(String payload, Place place) {}

  private final Map<Integer, List<Entry>> acknowledged = new HashMap<>();

  synchronized void acknowledge(int writer, String payload, String shard, String sequence) {
    acknowledged.computeIfAbsent(writer, key -> new ArrayList<>())
        .add(new Entry(payload, new Place(shard, new BigInteger(sequence))));
  }

  synchronized int size() {
    return acknowledged.values().stream().mapToInt(List::size).sum();
  }

  /** Each acknowledged record is where it was said to be, once, and in its writer's order. */
  synchronized void check(List<Shard> shards, Map<String, List<Record>> byShard) {
    Map<String, Place> places = places(byShard);
    Map<String, List<String>> parents = new HashMap<>();
    for (Shard shard : shards) {
      List<String> above = new ArrayList<>();
      Collections.addAll(above, shard.parentShardId(), shard.adjacentParentShardId());
      above.removeIf(parent -> parent == null);
      parents.put(shard.shardId(), above);
    }
    for (List<Entry> entries : acknowledged.values()) {
      Place before = null;
      for (Entry entry : entries) {
        Place found = places.get(entry.payload());
        Cases.check(entry.place().equals(found),
            entry.payload() + " was acknowledged at " + entry.place() + ", found at " + found);
        Cases.check(before == null || follows(parents, before, found),
            entry.payload() + " is out of order");
        before = found;
      }
    }
  }

  private static Map<String, Place> places(Map<String, List<Record>> byShard) {
    Map<String, Place> places = new HashMap<>();
    byShard.forEach((shard, records) -> {
      BigInteger last = BigInteger.valueOf(-1);
      for (Record record : records) {
        BigInteger sequence = new BigInteger(record.sequenceNumber());
        Cases.check(sequence.compareTo(last) > 0, shard + ": " + sequence + " after " + last);
        Place twice = places.put(record.data().asUtf8String(), new Place(shard, sequence));
        Cases.check(twice == null, record.data().asUtf8String() + " is there twice");
        last = sequence;
      }
    });
    return places;
  }

  private static boolean follows(Map<String, List<String>> parents, Place before, Place after) {
    if (before.shard().equals(after.shard())) {
      return before.sequence().compareTo(after.sequence()) < 0;
    }
    return descends(parents, after.shard(), before.shard());
  }

  private static boolean descends(Map<String, List<String>> parents, String shard, String from) {
    return parents.getOrDefault(shard, List.of()).stream()
        .anyMatch(parent -> parent.equals(from) || descends(parents, parent, from));
  }
}
