import { fromHttp } from "@aws-sdk/credential-provider-http";

const found = await fromHttp()();
console.log(found.accessKeyId, found.sessionToken);
