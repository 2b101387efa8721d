import com.google.protobuf.CodedInputStream;
import com.google.protobuf.WireFormat;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import software.amazon.awssdk.services.kinesis.model.HashKeyRange;

/** Takes KPL aggregates apart, as consumers do: magic, protobuf AggregatedRecord, MD5 of it. */
final class Aggregates {
  private static final byte[] MAGIC = {(byte) 0xF3, (byte) 0x89, (byte) 0x9A, (byte) 0xC2};
  private static final int DIGEST_SIZE = 16;

  record UserRecord(String partitionKey, String data) {}

  private Aggregates() {}

  static boolean isAggregate(byte[] data) {
    return data.length > MAGIC.length + DIGEST_SIZE
        && Arrays.equals(Arrays.copyOf(data, MAGIC.length), MAGIC);
  }

  static List<UserRecord> userRecords(byte[] data) throws Exception {
    byte[] body = Arrays.copyOfRange(data, MAGIC.length, data.length - DIGEST_SIZE);
    byte[] digest = Arrays.copyOfRange(data, data.length - DIGEST_SIZE, data.length);
    Cases.check(Arrays.equals(md5(body), digest), "an aggregate with a wrong digest");
    List<String> keys = new ArrayList<>();
    List<byte[]> records = new ArrayList<>();
    CodedInputStream input = CodedInputStream.newInstance(body);
    for (int tag = input.readTag(); tag != 0; tag = input.readTag()) {
      switch (WireFormat.getTagFieldNumber(tag)) {
        case 1 -> keys.add(input.readStringRequireUtf8());
        case 3 -> records.add(input.readByteArray());
        default -> input.skipField(tag);
      }
    }
    List<UserRecord> found = new ArrayList<>();
    for (byte[] record : records) {
      found.add(userRecord(record, keys));
    }
    return found;
  }

  private static UserRecord userRecord(byte[] record, List<String> keys) throws IOException {
    CodedInputStream input = CodedInputStream.newInstance(record);
    int key = 0;
    String data = "";
    for (int tag = input.readTag(); tag != 0; tag = input.readTag()) {
      switch (WireFormat.getTagFieldNumber(tag)) {
        case 1 -> key = (int) input.readUInt64();
        case 3 -> data = input.readBytes().toStringUtf8();
        default -> input.skipField(tag);
      }
    }
    return new UserRecord(keys.get(key), data);
  }

  /** Whether a user record's key hashes into a shard; consumers drop those that do not, since the KPL
   * sends them again to the right shard after a reshard. */
  static boolean belongs(UserRecord record, HashKeyRange range) throws Exception {
    BigInteger hash =
        new BigInteger(1, md5(record.partitionKey().getBytes(StandardCharsets.UTF_8)));
    return hash.compareTo(new BigInteger(range.startingHashKey())) >= 0
        && hash.compareTo(new BigInteger(range.endingHashKey())) <= 0;
  }

  private static byte[] md5(byte[] data) throws NoSuchAlgorithmException {
    return MessageDigest.getInstance("MD5").digest(data);
  }
}
