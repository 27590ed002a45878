import software.amazon.awssdk.auth.credentials.AwsSessionCredentials;
import software.amazon.awssdk.auth.credentials.ContainerCredentialsProvider;

class Credentials {
    public static void main(String[] arguments) {
        try (var provider = ContainerCredentialsProvider.builder().build()) {
            var found = (AwsSessionCredentials) provider.resolveCredentials();
            System.out.println(found.accessKeyId() + " " + found.sessionToken());
        }
    }
}
