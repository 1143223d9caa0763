package cn.qianshao.kit;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * A department's subscriber, to read and to copy: kafka-clients, Jackson and the department's own login.
 *
 * <p>It takes on what it is offered; put what your department does into {@link #answer}. What it has read stands in one
 * file. Killed after sending and before it has written that down, it says the same again under the same id: that counts
 * once. Settings are KAFKA_BOOTSTRAP, KAFKA_USERNAME, KAFKA_PASSWORD, KAFKA_CA and STATE of the environment.
 */
public final class Subscriber {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final String user;
    private final String code;
    private final Path state;
    private final ObjectNode seen;

    private Subscriber(String user, Path state) throws IOException {
        this.user = user;
        this.code = user.replaceFirst("^dept\\.", "");
        this.state = state;
        this.seen = Files.exists(state) ? (ObjectNode) JSON.readTree(state.toFile()) : JSON.createObjectNode();
    }

    /** What this department says to a message, or nothing. Yours to write. */
    private static Optional<ObjectNode> answer(JsonNode message) {
        String kind = message.path("kind").asText();
        if (!kind.equals("offer") && !kind.equals("reopen")) {
            return Optional.empty();
        }
        String order = message.path("order").asText();
        String id = "accepted:" + order + ":" + message.path("seq").asInt();
        ObjectNode update = JSON.createObjectNode();
        update.put("update_id", id.substring(Math.max(0, id.length() - 64)));
        update.put("at", OffsetDateTime.now(ZoneOffset.UTC).toString());
        update.put("kind", "accepted");
        update.put("order", order);
        update.put("subdistrict", message.path("subdistrict").asText());
        update.put("seen_seq", message.path("seq").asInt());
        return Optional.of(update);
    }

    /** Returns once the brokers have it; what they do not take ends the program, and is said again by the next. */
    private void send(KafkaProducer<String, String> producer, ObjectNode update) throws Exception {
        var record = new ProducerRecord<>(
                "department-updates." + code, update.path("order").asText(), JSON.writeValueAsString(update));
        var attributes = Map.of(
                "content-type", "application/json",
                "ce_specversion", "1.0",
                "ce_id", update.path("update_id").asText(),
                "ce_time", update.path("at").asText(),
                "ce_source", "/department/" + code,
                "ce_type", "cn.qianshao.order.updated.v1");
        attributes.forEach((name, text) -> record.headers().add(name, text.getBytes(StandardCharsets.UTF_8)));
        producer.send(record).get();
    }

    /** Take a message in, once and in order; what is said to it has left before it is written down. */
    private void take(KafkaProducer<String, String> producer, ConsumerRecord<String, String> record) throws Exception {
        JsonNode message = JSON.readTree(record.value());
        String order = message.path("order").asText();
        int seq = message.path("seq").asInt();
        System.out.println(message.path("kind").asText() + " " + order + " " + seq);
        if (seq <= seen.path(order).asInt(0) || message.path("reason_code").asText().equals("unknown_order")) {
            return; // told before, older than what is known, or about no order of ours
        }
        Optional<ObjectNode> update = answer(message);
        if (update.isPresent()) {
            send(producer, update.get());
        }
        seen.put(order, seq);
        Path fresh = state.resolveSibling(state.getFileName() + ".new");
        Files.write(fresh, JSON.writeValueAsBytes(seen));
        Files.move(fresh, state, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
    }

    /** Until interrupted. */
    private void run(Map<String, Object> login) throws Exception {
        Map<String, Object> reading = new HashMap<>(login);
        reading.put("group.id", user + ".subscriber");
        reading.put("auto.offset.reset", "earliest");
        reading.put("enable.auto.commit", "false");
        reading.put("session.timeout.ms", "10000");
        Map<String, Object> writing = new HashMap<>(login);
        writing.put("acks", "all");
        writing.put("enable.idempotence", "true");
        try (var consumer = new KafkaConsumer<>(reading, new StringDeserializer(), new StringDeserializer());
                var producer = new KafkaProducer<>(writing, new StringSerializer(), new StringSerializer())) {
            consumer.subscribe(List.of("dispatch." + code));
            while (true) {
                for (var record : consumer.poll(Duration.ofSeconds(1))) {
                    take(producer, record);
                }
                consumer.commitSync(); // last: what is lost before this comes again
            }
        }
    }

    private static Map<String, Object> login(Map<String, String> environment, String user) {
        String password = environment.get("KAFKA_PASSWORD").replace("\\", "\\\\").replace("\"", "\\\"");
        Map<String, Object> login = new HashMap<>(Map.of(
                "bootstrap.servers", environment.get("KAFKA_BOOTSTRAP"),
                "security.protocol", environment.getOrDefault("KAFKA_SECURITY", "SASL_SSL"), // else on a test machine
                "sasl.mechanism", "SCRAM-SHA-512",
                "sasl.jaas.config",
                "org.apache.kafka.common.security.scram.ScramLoginModule required username=\"" + user + "\" password=\""
                        + password + "\";"));
        if (environment.containsKey("KAFKA_CA")) { // kafka-ca.pem, unless a public authority signed
            login.putAll(Map.of("ssl.truststore.type", "PEM", "ssl.truststore.location", environment.get("KAFKA_CA")));
        }
        return login;
    }

    public static void main(String[] arguments) throws Exception {
        Map<String, String> environment = System.getenv();
        String user = environment.get("KAFKA_USERNAME");
        Path state = Path.of(environment.getOrDefault("STATE", "orders.json")).toAbsolutePath();
        new Subscriber(user, state).run(login(environment, user));
    }
}
