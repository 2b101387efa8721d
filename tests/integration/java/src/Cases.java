import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/** Runs named cases, each with a time limit, and prints "ok NAME" or "not ok NAME: why". */
final class Cases {
  interface Case {
    void run() throws Exception;
  }

  private final ExecutorService executor = Executors.newCachedThreadPool(task -> {
    Thread thread = new Thread(task);
    thread.setDaemon(true);
    return thread;
  });
  private boolean failed = false;

  void run(String name, int seconds, Case one) {
    Callable<Void> task = () -> {
      one.run();
      return null;
    };
    Future<Void> done = executor.submit(task);
    try {
      done.get(seconds, TimeUnit.SECONDS);
      System.out.println("ok " + name);
    } catch (ExecutionException error) {
      fail(name, error.getCause());
    } catch (Exception error) {
      done.cancel(true);
      fail(name, error);
    }
  }

  private void fail(String name, Throwable error) {
    failed = true;
    StringBuilder text = new StringBuilder(String.valueOf(error));
    for (Throwable cause = error.getCause(); cause != null; cause = cause.getCause()) {
      text.append(" <- ").append(cause);
    }
    for (int i = 0; i < Math.min(4, error.getStackTrace().length); i++) {
      text.append(" | ").append(error.getStackTrace()[i]);
    }
    System.out.println("not ok " + name + ": " + text.toString().replace('\n', ' '));
  }

  /** Ends the process: non-zero where a case failed. */
  void exit() {
    System.out.flush();
    System.exit(failed ? 1 : 0);
  }

  static void check(boolean condition, String otherwise) {
    if (!condition) {
      throw new AssertionError(otherwise);
    }
  }
}
