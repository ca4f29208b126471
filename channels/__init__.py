"""Ways to reach people, without any database: mail, webhooks, SMS, voice documents and signatures."""
